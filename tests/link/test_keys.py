"""Key files, and the command that keeps them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.keys import keys
from gateway.errors import GatewayError, KeyFileError
from gateway.link.keys import KeyFolder, fingerprint, parse_key

KEY = "25194936f787a188b9678704ffa858d22c4263015ae822f918f11fe624a32102"


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    made = KeyFolder(tmp_path / "keys")
    made.new()
    return made


def run(*arguments: str) -> str:
    result = CliRunner().invoke(keys, arguments)
    if isinstance(result.exception, GatewayError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_new_pair_is_ours_alone(folder: KeyFolder) -> None:
    assert (folder.path / "secret").stat().st_mode & 0o077 == 0
    assert folder.own() == folder.own()
    assert len(folder.own().public) == len(folder.own().secret) == 32


def test_a_data_folder_that_keys_are_first_in_is_for_its_owner_alone(tmp_path: Path) -> None:
    KeyFolder(tmp_path / "data" / "keys").new()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_second_pair_is_not_made_over_the_first(folder: KeyFolder) -> None:
    before = folder.own()
    with pytest.raises(KeyFileError, match="has a key pair already"):
        folder.new()
    assert folder.own() == before


def test_a_secret_that_others_can_read_is_refused(folder: KeyFolder) -> None:
    (folder.path / "secret").chmod(0o644)
    with pytest.raises(KeyFileError, match="others can read it; chmod 600"):
        folder.own()


def test_a_missing_pair_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no key pair yet; make one with gateway keys new"):
        KeyFolder(tmp_path).own()


def test_a_trusted_key_is_found_by_name_until_revoked(folder: KeyFolder) -> None:
    folder.trust("boise", bytes.fromhex(KEY))
    assert folder.trusted() == {"boise": bytes.fromhex(KEY)}
    assert folder.expect("boise").hex() == KEY
    folder.revoke("boise")
    assert folder.trusted() == {}
    with pytest.raises(KeyFileError, match="peer boise is not trusted yet; gateway keys trust boise KEY"):
        folder.expect("boise")


def test_trusting_again_replaces_the_key(folder: KeyFolder) -> None:
    folder.trust("boise", bytes(32))
    folder.trust("boise", bytes.fromhex(KEY))
    assert folder.trusted() == {"boise": bytes.fromhex(KEY)}


def test_one_key_has_one_name(folder: KeyFolder) -> None:
    folder.trust("boise", bytes.fromhex(KEY))
    with pytest.raises(KeyFileError, match="trusted as boise already"):
        folder.trust("reno", bytes.fromhex(KEY))


def test_our_own_key_is_not_trusted(folder: KeyFolder) -> None:
    with pytest.raises(KeyFileError, match="this box's own key"):
        folder.trust("boise", folder.own().public)


@pytest.mark.parametrize("name", ["", "../secret", "Boise", "a/b", ".hidden", "x" * 33])
def test_a_name_that_is_none_is_refused(folder: KeyFolder, name: str) -> None:
    with pytest.raises(KeyFileError, match="no name of a box"):
        folder.trust(name, bytes(32))


def test_a_file_without_a_key_in_it_lets_nobody_in(folder: KeyFolder) -> None:
    folder.trust("boise", bytes.fromhex(KEY))
    (folder.path / "trusted" / "reno").write_text("to be done\n")
    (folder.path / "trusted" / "elko").write_bytes(b"\xff\xfe")
    assert list(folder.trusted()) == ["boise"]


def test_a_key_may_be_pasted_in_groups(folder: KeyFolder) -> None:
    grouped = ":".join(KEY[start : start + 4].upper() for start in range(0, 64, 4))
    assert parse_key(grouped) == parse_key(f" {KEY}\n") == bytes.fromhex(KEY)


@pytest.mark.parametrize("text", ["", "12ab", KEY + "0", KEY[:-1] + "g"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyFileError, match="64 hexadecimal digits"):
        parse_key(text)


def test_a_fingerprint_can_be_read_over_the_telephone_and_tells_keys_apart() -> None:
    shown = fingerprint(bytes.fromhex(KEY))
    assert shown == "6268 4842 7363 6356 3241 2890"
    assert fingerprint(bytes(32)) != shown


def test_two_boxes_are_paired_from_the_command_line(tmp_path: Path) -> None:
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    printed = run("new", "--dir", here)
    run("new", "--dir", there)
    key = KeyFolder(tmp_path / "here").own().public
    assert key.hex() in printed and fingerprint(key) in printed
    assert fingerprint(key) in run("trust", "tokyo", key.hex(), "--dir", there)
    assert KeyFolder(tmp_path / "there").trusted() == {"tokyo": key}
    assert f"tokyo  {fingerprint(key)}" in run("--dir", there, "show")
    run("revoke", "tokyo", "--dir", there)
    assert KeyFolder(tmp_path / "there").trusted() == {}


def test_the_secret_is_never_shown(folder: KeyFolder) -> None:
    assert folder.own().secret.hex() not in run("show", "--dir", str(folder.path))


def test_revoking_a_stranger_says_who_is_known(folder: KeyFolder) -> None:
    folder.trust("boise", bytes.fromhex(KEY))
    with pytest.raises(KeyFileError, match="reno is not trusted here; trusted: boise"):
        run("revoke", "reno", "--dir", str(folder.path))


def test_without_a_folder_they_are_those_of_this_machines_box() -> None:
    with pytest.raises(GatewayError, match=r"/etc/gateway/gateway\.toml: no such settings file; name one with --set"):
        run("show")
