"""The site: pages in Markdown, the reference from the docstrings of the installed package."""

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
nitpicky = False

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say the types, with shapes
numpydoc_show_class_members = True
numpydoc_class_members_toctree = False
numpydoc_show_inherited_class_members = False
# A public name without documented parameters, result or example does not build (warnings are errors).
numpydoc_validation_checks = {"GL08", "SS01", "PR01", "PR02", "PR03", "RT01", "EX01"}
numpydoc_validation_exclude = {
    # scikit-learn's own, documented there
    r"\.get_params$",
    r"\.set_params$",
    r"\.get_metadata_routing$",
    r"\.set_\w+_request$",
    r"\.get_feature_names_out$",
    r"\.set_output$",
}
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
