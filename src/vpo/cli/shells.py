"""``vpo completion``: print the code that has a shell complete vpo."""

from __future__ import annotations

import click

_VARIABLE = "_VPO_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the code that has SHELL complete commands, options, files, policies and libraries.

    \b
    In the startup file of the shell:
      eval "$(vpo completion bash)"       # ~/.bashrc
      eval "$(vpo completion zsh)"        # ~/.zshrc
      vpo completion fish | source        # ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"{shell} is not supported by this version of click")
    complete = found(click.Group(), {}, "vpo", _VARIABLE)
    # Not `source()`, which starts the shell to learn its version.
    click.echo(complete.source_template % complete.source_vars(), nl=False)
