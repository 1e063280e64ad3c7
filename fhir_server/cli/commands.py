"""The commands, listed."""

import typer

from fhir_server.cli.audit import audit_app
from fhir_server.cli.backup import backup, restore
from fhir_server.cli.bench import bench_app
from fhir_server.cli.demo import demo
from fhir_server.cli.index import index_app
from fhir_server.cli.load import load
from fhir_server.cli.migrate import migrate
from fhir_server.cli.package import package_app
from fhir_server.cli.serve import serve

app = typer.Typer(
    name="fhir-server",
    help="A FHIR R4 shared care record server. Start with: fhir-server demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo, serve, load, backup, restore, migrate):
    app.command()(command)
app.add_typer(audit_app, name="audit")
app.add_typer(bench_app, name="bench")
app.add_typer(index_app, name="index")
app.add_typer(package_app, name="package")
