"""How Sphinx makes the documentation site: `sphinx-build -c docs . target/site`, for which docs/requirements.txt says what it takes.

The source is the whole repository, of which only the pages named here are read: so those that stand beside what they describe
(the architecture, measurements, the changelog) are pages of the site, and a link that leads somewhere on GitHub leads there in the
site as well, files that are no pages included, which are copied. Neither building nor reading asks anything of another server.
"""

project = "Ferrolab"
author = "The Ferrolab developers"
root_doc = "docs/index"
include_patterns = ["docs/**.md", "benches/*.md", "kernel/ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"]
# folders that are not walked through
exclude_patterns = [".*", "target", "src", "tests", "notebooks", "examples", "kernel/src", "**/__pycache__"]

extensions = ["myst_parser"]
# the anchors that GitHub gives to headings
myst_heading_anchors = 4
# a cell may hold `%%time` or `:vars`, which are no Rust to whoever colours it
suppress_warnings = ["misc.highlighting_failure"]
highlight_language = "none"

html_theme = "furo"
html_title = "Ferrolab"
html_logo = html_favicon = "../kernel/resources/logo-svg.svg"
html_additional_pages = {"index": "moved.html"}
templates_path = ["templates"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b7410e", "color-brand-content": "#b7410e"},
    "dark_css_variables": {"color-brand-primary": "#f0834d", "color-brand-content": "#f0834d"},
}
