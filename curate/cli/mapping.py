"""`curate map`: the domains of a run, as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli.places import out as out_argument


def map(
    out: Annotated[Path, out_argument("The output folder of a run with domain_clusters.")],
    step: Annotated[str | None, typer.Option(help="Which domain_clusters, by its label, if there are several.")] = None,
) -> None:
    """Draw the domains of a run: OUT/domains.html, and their figures for programs, OUT/domains.json."""
    from curate.report.domain_facts import domain_map
    from curate.report.domain_page import page
    from curate.store.files import whole, write_json
    from curate.store.folder import RunFolder

    facts, folder = domain_map(out, step), RunFolder(out)
    write_json(folder.domains_json, facts.as_json())
    with whole(folder.domains_page) as part:
        part.write_text(page(facts, f"Domains of {out.name or out.resolve().name}"), encoding="utf-8", newline="\n")
    width = max((len(domain.name) for domain in facts.domains), default=0)
    for domain in facts.domains:
        typer.echo(f"{domain.documents:>9,}  {domain.name:<{width}}  {', '.join(domain.words[3:8])}".rstrip())
    typer.echo(f"{folder.domains_page}  {folder.domains_json}")
