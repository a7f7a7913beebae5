"""Colours of clusters, the same in every figure.

The first six are Okabe and Ito's. The others were added one at a time, each the colour farthest from those
before it
(OKLab distance, the least over normal vision, deuteranopia and protanopia), within a lightness that is
legible on white and on near-black. After twelve they repeat; figures then change the marker.

References
----------
.. [1] M. Okabe and K. Ito, "Color universal design", 2008.
.. [2] G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A physiologically-based model for simulation of
color
   vision deficiency", IEEE Trans. Vis. Comput. Graph. 15(6), 1291-1298, 2009.
"""

from __future__ import annotations

PALETTE = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # green
    "#D55E00",  # vermilion
    "#56B4E9",  # sky
    "#CC79A7",  # pink
    "#8E3F5D",  # plum
    "#17DEA2",  # mint
    "#3F2BF2",  # indigo
    "#847BF2",  # lavender
    "#C00D0D",  # red
    "#CA0DA2",  # magenta
)

# Label -1.
NOISE = "#9AA0A6"


def color_of(label: int) -> str:
    """The colour of a cluster label.

    Parameters
    ----------
    label : int
        Any negative label is noise, and grey.

    Returns
    -------
    str
        ``#RRGGBB``.

    Examples
    --------
    >>> from shoal.plotting import color_of
    >>> color_of(0), color_of(12), color_of(-1)
    ('#0072B2', '#0072B2', '#9AA0A6')
    """
    return NOISE if label < 0 else PALETTE[label % len(PALETTE)]
