"""A small Sphinx extension: what the stock theme leaves to be mended."""

from sphinx.application import Sphinx


def drop_second_thebe_script(app, pagename, templatename, context, doctree) -> None:
    """Keep the first of two equal Thebe scripts; two are a page error."""
    seen, kept = set(), []
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body") or ""
        if "THEBE_JS_URL" in body:
            if body in seen:
                continue
            seen.add(body)
        kept.append(script)
    context["script_files"] = kept


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    # Late, so that every other extension has registered its scripts.
    app.connect("html-page-context", drop_second_thebe_script, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
