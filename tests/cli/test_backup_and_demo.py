"""What an installation is set up from: a backup of another one, or the demo study."""

import json
import re
import stat

import httpx
from commandline import PASSWORD, CommandLine, sql

from biobank import embedded


def tables(dsn: str) -> int:
    return int(sql(dsn, "select count(*) from pg_class where relnamespace = 'public'::regnamespace"))


def log_in(address: str, username: str, password: str) -> int:
    with httpx.Client(base_url=address) as browser:
        browser.get("/login")
        form = {"username": username, "password": password, "_csrf_token": browser.cookies["csrftoken"]}
        return browser.post("/login", data=form).status_code


def test_a_backup_comes_back_on_another_server_and_goes_on_being_sealed(line, dsn, folder):
    line("audit", "seal")
    line("user", "create", "before", "--name", "Before", "--no-password")
    line("audit", "seal")
    head = line("audit", "verify").stdout.splitlines()[-1].removeprefix("head ")
    file, damaged = folder / "biobank.dump", folder / "damaged.dump"
    assert re.search(rf"^[\d,]+ bytes written to {file}\n", line("backup", file).stdout)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exists already" in line("backup", file, status=1).stderr
    damaged.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    assert "is not empty" in line("restore", file, status=1).stderr

    new = CommandLine(data=folder / "new", seal_seconds=1)
    with embedded.start(folder / "new", options={"fsync": "off"}) as other:
        other.create_database("biobank")
        restored = other.url("biobank")
        assert "pg_restore failed" in new("restore", damaged, status=1).stderr
        assert tables(restored) == 0
        assert "are sound" in new("restore", file).stdout
        transactions = [sql(one, "select pg_current_xact_id()::text::bigint") for one in (dsn, restored)]
        assert transactions[0] != transactions[1]
        with new.serve() as service:
            assert log_in(service.address, "root.admin", PASSWORD) == 303
            for number in range(2):
                new("user", "create", f"after.{number}", "--name", "After", "--no-password")
                new("audit", "seal")
            service.terminate()
            assert service.ended() == 0
        verdict = new("audit", "verify", "--head", head).stdout
        assert verdict.startswith("sound: ")
        assert " 0 not sealed yet" in verdict
        assert sql(restored, "select count(*) from audit_seal") >= 4
        assert sql(restored, "select (select count(*) from audit_entry) - sum(count) from audit_seal") == 0


def test_the_demo_study_has_logins_that_work_and_is_made_once(line, folder):
    made = line("demo", "--participants", 3, "--no-serve")
    assert json.loads(made.stdout)["participants"] == 3
    logins = (folder / "data" / "demo-logins.txt").read_text().splitlines()
    assert all(login in made.stderr for login in logins)
    assert stat.S_IMODE((folder / "data" / "demo-logins.txt").stat().st_mode) == 0o600
    with line.serve() as service:
        for login in (logins[0], logins[-1]):
            username, password = login.split()[:2]
            assert log_in(service.address, username, password) == 303
    again = line("demo", "--participants", 3, "--no-serve", status=1)
    assert again.stderr.splitlines()[-1].startswith("Error: ")
    assert (folder / "data" / "demo-logins.txt").read_text().splitlines() == logins
    assert line("audit", "verify").stdout.startswith("sound: ")
