"""What is known of the options of common commands, and how to read a command by it.

A command is only taken apart where every option in it is known. An unknown one may take the next word as its value;
then nothing may be moved, and the words are compared as they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolworthy.work.cases.matching._syntax import Word


@dataclass(frozen=True)
class Spec:
    """The options and operands of one command."""

    flags: Mapping[str, str] = field(default_factory=dict)
    """Options without a value: how each is written, and its one name."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Options with a value, in the next word or glued."""
    glued: str = ""
    """Letters whose value, if any, is glued (``-i.bak``)."""
    skip: int = 0
    """How many operands come first that are no paths (a pattern, a script, a mode)."""
    script: str = ""
    """Names of options that give the first operand instead (``grep -e``)."""
    ordered: bool = True
    """Whether the order of the operands means something."""
    paths: bool = True
    """Whether the operands are paths."""
    slash: bool = False
    """Whether a slash at the end of a path says something (``cp a b/`` wants a folder)."""
    here: bool = False
    """Whether no path means the current folder."""
    loose: bool = False
    """Whether the current folder plays no part where there is a path."""
    rivals: tuple[str, ...] = ()
    """Names of options of which the last one wins, so that their order means something."""
    looks: frozenset[str] = frozenset()
    """Options that only change how the output looks, and are left out."""
    number: str = ""
    """The option that ``-5`` stands for."""
    stops: bool = False
    """Whether behind the first operand all words are operands."""


@dataclass(frozen=True)
class Read:
    """A command that was taken apart."""

    options: tuple[tuple[str, str], ...]
    operands: tuple[Word, ...]

    def values(self, name: str) -> list[str]:
        """What was given for an option, in order; an empty text for a flag."""
        return [value for key, value in self.options if key == name]


def spec(flags: str = "", values: str = "", **more: object) -> Spec:
    """A `Spec` from short tables: ``"r=recursive v"`` are -r, its long name --recursive, and -v."""
    looks = frozenset({"color", "colour", "no-color", *str(more.pop("looks", "")).split()})
    return Spec(_names(flags), _names(values), looks=looks, **more)  # type: ignore[arg-type]


def _names(table: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in table.split():
        first, *others = entry.split("=")
        found |= dict.fromkeys((first, *others), first)
    return found


def read(known: Spec, words: Sequence[Word]) -> Read | None:
    """The options and operands of `words` (without the command's name); None where one is unknown or not literal."""
    options: list[tuple[str, str]] = []
    operands: list[Word] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.literal:
            return None
        if word.text == "--":
            operands += rest
            break
        if len(word.text) < 2 or word.text[0] != "-":
            operands.append(word)
            if known.stops:
                operands += rest
                break
            continue
        found = _long(known, word.text[2:], rest) if word.text.startswith("--") else _short(known, word.text[1:], rest)
        if found is None:
            return None
        options += found
    if not all(word.literal for word in operands):
        return None
    kept = [(name, value) for name, value in options if name not in known.looks]
    return Read(tuple(kept), tuple(operands))


def _long(known: Spec, text: str, rest: list[Word]) -> list[tuple[str, str]] | None:
    name, equals, value = text.partition("=")
    if len(name) < 2:
        return None
    if equals:
        return [(known.values.get(name, known.flags.get(name, name)), value)]
    if name in known.values:
        return _with_value(known.values[name], rest)
    return [(known.flags.get(name, name), "")] if name in known.flags or name in known.looks else None


def _short(known: Spec, letters: str, rest: list[Word]) -> list[tuple[str, str]] | None:
    if known.number and letters.isdecimal():
        return [(known.number, letters)]
    found: list[tuple[str, str]] = []
    for at, letter in enumerate(letters):
        after = letters[at + 1 :]
        if letter in known.glued:
            return [*found, (letter, after)]
        if letter in known.values:
            last = [(known.values[letter], after)] if after else _with_value(known.values[letter], rest)
            return [*found, *last] if last else None
        if letter not in known.flags:
            return None
        found.append((known.flags[letter], ""))
    return found


def _with_value(name: str, rest: list[Word]) -> list[tuple[str, str]] | None:
    if not rest or not rest[0].literal:
        return None
    return [(name, rest.pop(0).text)]


def ordered_options(known: Spec, options: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """`options` in an order of their own. Those with one name, and rivals, keep their order among each other."""
    return tuple(sorted(options, key=lambda option: " " if option[0] in known.rivals else option[0]))


# ---- what is known -------------------------------------------------------------------------------------------------

_GREP_FLAGS = (
    "r=recursive R=dereference-recursive n=line-number i=ignore-case I l=files-with-matches L=files-without-match "
    "c=count o=only-matching v=invert-match w=word-regexp x=line-regexp h=no-filename H=with-filename s=no-messages "
    "q=quiet=silent E=extended-regexp F=fixed-strings P=perl-regexp G=basic-regexp a=text z=null-data Z=null"
)
_GREP_VALUES = (
    "e=regexp f=file m=max-count A=after-context B=before-context C=context include exclude exclude-dir d=directories"
)
_RG_FLAGS = (
    "n=line-number N=no-line-number i=ignore-case s=case-sensitive S=smart-case F=fixed-strings w=word-regexp "
    "x=line-regexp v=invert-match l=files-with-matches files-without-match c=count count-matches o=only-matching "
    "H=with-filename I=no-filename U=multiline P=pcre2 u=unrestricted hidden no-ignore a=text files no-heading heading "
    "q=quiet L=follow p=pretty column vimgrep json 0=null trim stats multiline-dotall"
)
_RG_VALUES = (
    "e=regexp f=file g=glob t=type T=type-not m=max-count A=after-context B=before-context C=context M=max-columns "
    "iglob d=max-depth=maxdepth r=replace sort sortr j=threads E=encoding max-filesize"
)
KNOWN: dict[str, Spec] = {
    "ls": spec(
        "a=all A=almost-all l r=reverse R=recursive h=human-readable 1 t S X U d=directory F=classify i=inode s=size p "
        "L=dereference g=group-directories-first o G=no-group n=numeric-uid-gid full-time C x m",
        "I=ignore time-style sort",
        ordered=False,
        here=True,
        loose=True,
        rivals=("t", "S", "X", "U", "C", "x", "m", "l", "1"),
    ),
    "cat": spec(
        "n=number b=number-nonblank s=squeeze-blank A=show-all E=show-ends T=show-tabs v=show-nonprinting e t",
        loose=True,
    ),
    "head": spec("q=quiet=silent v=verbose", "n=lines c=bytes", loose=True, number="n", rivals=("n", "c", "q", "v")),
    "tail": spec(
        "q=quiet=silent v=verbose f=follow F",
        "n=lines c=bytes s pid",
        loose=True,
        number="n",
        rivals=("n", "c", "q", "v"),
    ),
    "wc": spec("l=lines w=words c=bytes m=chars L=max-line-length", loose=True),
    "nl": spec("", "b=body-numbering w=number-width s=number-separator n=number-format v i", loose=True),
    "rm": spec("r=R=recursive f=force i I d=dir v=verbose", ordered=False, loose=True, rivals=("f", "i", "I")),
    "rmdir": spec("p=parents v=verbose", ordered=False, loose=True),
    "mkdir": spec("p=parents v=verbose", "m=mode", ordered=False, loose=True),
    "touch": spec("a m c=no-create", "d=date t r=reference", ordered=False, loose=True),
    "cp": spec(
        "r=R=recursive f=force i=interactive n=no-clobber a=archive p v=verbose u=update T=no-target-directory "
        "L=dereference P=no-dereference d l=link s=symbolic-link",
        "t=target-directory",
        slash=True,
        loose=True,
        rivals=("f", "i", "n", "L", "P", "d", "a"),
    ),
    "mv": spec(
        "f=force i=interactive n=no-clobber v=verbose u=update T=no-target-directory",
        "t=target-directory",
        slash=True,
        loose=True,
        rivals=("f", "i", "n"),
    ),
    "chmod": spec("R=recursive v=verbose c=changes f=silent=quiet", skip=1, loose=True),
    "stat": spec("L=dereference t=terse", "c=format", loose=True),
    "diff": spec(
        "u r=recursive N=new-file q=brief w=ignore-all-space b=ignore-space-change B=ignore-blank-lines "
        "i=ignore-case a=text y=side-by-side s",
        "U=unified",
        loose=True,
    ),
    "sort": spec("n r u h f b V=version-sort", "k=key t=field-separator o=output", loose=True),
    "sed": spec(
        "n=quiet=silent E=r=regexp-extended s=separate u z=null-data",
        "e=expression f=file",
        glued="i",
        skip=1,
        script="ef",
        loose=True,
    ),
    "grep": spec(
        _GREP_FLAGS,
        _GREP_VALUES,
        skip=1,
        script="ef",
        ordered=False,
        number="C",
        loose=True,
        rivals=tuple("EFPGlLcqrRhH"),
    ),
    "rg": spec(
        _RG_FLAGS,
        _RG_VALUES,
        skip=1,
        script="ef",
        ordered=False,
        here=True,
        loose=True,
        looks="no-heading heading pretty",
        rivals=("i", "s", "S", "n", "N", "F", "P", "t", "T", "g", "iglob", "H", "I", "u", "hidden", "no-ignore"),
    ),
    "tree": spec("a d f h s D n C A", "L I P", ordered=False, here=True, loose=True),
    "cd": spec(loose=True),
    "git status": spec("s=short b=branch porcelain long v", "", ordered=False, rivals=("s", "porcelain", "long")),
    "git add": spec("A=all u=update f=force n=dry-run v=verbose N=intent-to-add", ordered=False),
    "git commit": spec(
        "a=all amend no-edit q=quiet n=no-verify s=signoff allow-empty v=verbose",
        "m=message F=file author date C c",
        paths=False,
    ),
    "git log": spec(
        "p=patch=u oneline stat graph all decorate name-only name-status reverse follow no-merges no-decorate",
        "n=max-count format pretty author since until grep",
        number="n",
        paths=False,
        rivals=("oneline", "format", "pretty", "decorate", "no-decorate"),
    ),
    "git diff": spec(
        "cached=staged stat name-only name-status p=patch=u w=ignore-all-space b numstat shortstat",
        "U=unified",
        paths=False,
    ),
    "git show": spec("stat name-only name-status p=patch=u s=no-patch oneline", "U=unified format pretty", paths=False),
    "git rm": spec("r f=force cached n=dry-run q=quiet", ordered=False),
    "git mv": spec("f=force n=dry-run v=verbose k"),
}
