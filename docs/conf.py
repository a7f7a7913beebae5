"""The site: pages in Markdown, the reference from the docstrings of the installed package."""

import re

import shoal

project = "shoal"
author = "The shoal developers"
copyright = "The shoal developers, BSD-3-Clause licence"
version = release = shoal.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "figures"]
templates_path = ["_templates"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say the types, with shapes
numpydoc_show_class_members = False  # the class template lists them
# A public name without a documented parameter, result or example does not build (warnings are errors).
# Methods show theirs in the class.
numpydoc_validation_checks = {"GL08", "SS01", "PR01", "PR02", "PR03", "RT01", "EX01"}
numpydoc_validation_exclude = {r"\.[A-Z]\w*\.\w+$"}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"shoal {version}"
html_static_path = ["_static"]
html_css_files = ["shoal.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"


def plain_text(app, what, name, obj, options, lines):
    """Escapes, before numpydoc reads them, what docstrings mean literally and reStructuredText does not.

    A reference that starts with "S. P. Lloyd" is no list item S; "shape (n_features_in_,)" holds no link.
    """
    for i, line in enumerate(lines):
        line = re.sub(r"^(\s*\.\. \[\d+\] )([A-Z]\.)", r"\1\\\2", line)
        lines[i] = re.sub(r"(?<=[( ])(\w+)_(?=[,)])", r"\1\\_", line) if " shape (" in line else line


def setup(app):
    app.connect("autodoc-process-docstring", plain_text, priority=100)
