"""TLS with real certificates: schedulers that run already, clusters started here, and what is refused."""

import re
import subprocess
import sys

import pytest

from support.dask import Authority, Outside

PYTHON = {"FERROLAB_PYTHON": sys.executable}
NAMES = ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"), "ours")


@pytest.fixture(scope="module")
def secured(authority, tmp_path_factory):
    """A scheduler and a worker that speak TLS with certificates of the authority."""
    cert, key = authority.issue("site")
    options = ["--tls-ca-file", authority.ca, "--tls-cert", cert, "--tls-key", key]
    with Outside(tmp_path_factory.mktemp("secured")) as site:
        site.address = site.scheduler("--protocol", "tls", *options)
        assert site.address.startswith("tls://")
        site.worker("only", *options)
        yield site


def security(ca: str, cert: str, key: str) -> str:
    return f'cluster::Security::new().tls_ca_file("{ca}").tls_client_cert("{cert}").tls_client_key("{key}")'


@pytest.fixture
def k(start):
    return start(timeout=120, **PYTHON)


def works(kernel, name: str = "c") -> None:
    kernel.run(f"{name}.map(0..4u64, |x| x * 2)?").until("execute_result").result("[0, 2, 4, 6]").until().idle()


def test_a_scheduler_that_runs_already(k, secured, authority):
    me = security(authority.ca, *authority.issue("me"))
    k.ok(f'let c = Cluster::connect_with("{secured.address}", &{me})?; c.wait_for_workers(1)?;')
    works(k)
    k.run("c.status()?.address().to_string()").result(f'"{secured.address}"').until().idle()
    k.ok(f'let d = Cluster::scheduler_file_with("{secured.file}", &{me})?;')
    works(k, "d")


def test_certificates_from_dasks_configuration(start, secured, authority):
    files = (authority.ca, *authority.issue("configured"))
    kernel = start(timeout=120, **PYTHON, **{f"DASK_DISTRIBUTED__COMM__TLS__{name}": file for name, file in zip(NAMES, files)})
    kernel.ok(f'let c = Cluster::connect("{secured.address}")?; let d = Cluster::scheduler_file("{secured.file}")?;')
    works(kernel)
    works(kernel, "d")


def test_what_does_not_fit_is_refused(k, secured, authority, tmp_path):
    cert, key = authority.issue("good")
    stranger = Authority(tmp_path / "stranger", "theirs")
    wrong = security(authority.ca, *stranger.issue("me"))
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    plain = secured.address.replace("tls://", "tcp://")
    me = security(authority.ca, cert, key)
    for code, words in {
        f'Cluster::connect("{secured.address}")?': ["tls_ca_file", "tls_client_cert", "DASK_DISTRIBUTED__COMM__TLS__CA_FILE"],
        f'Cluster::scheduler_file("{secured.file}")?': ["tls_ca_file", "Security"],
        f'Cluster::connect_with("{secured.address}", &{wrong})?': ["no Dask scheduler answers", secured.address],
        f'Cluster::connect_with("{secured.address}", &{security(authority.ca, str(broken), key)})?': ["cannot be used with these files", "broken.pem"],
        f'Cluster::connect_with("{secured.address}", &{security("/none/ca.pem", cert, key)})?': ["tls_ca_file", "/none/ca.pem"],
        f'Cluster::connect_with("{secured.address}", &cluster::Security::temporary())?': ["new credentials", "name its files"],
        f'Cluster::connect_with("{plain}", &{me})?': ["not encrypted"],
        f'Cluster::connect("{plain}")?': ["no Dask scheduler answers"],
    }.items():
        story = k.run(code, timeout=90).until("error").error(None, *words)
        story.until().idle()
        # a key is never part of what is told
        assert "PRIVATE KEY" not in story.everything()
    # none of it was in the way
    k.ok(f'let c = Cluster::connect_with("{secured.address}", &{me})?;')
    works(k)


def test_a_local_cluster_with_temporary_credentials(k):
    k.ok("let c = Cluster::local_with(2, &cluster::Security::temporary())?;")
    works(k)
    address = k.ok("c.status()?.address().to_string()").strip('"')
    assert address.startswith("tls://127.0.0.1:")
    k.run("c").until("execute_result").result(matches=re.escape(address)).until().idle()
    # who has no key gets no further, with the right protocol or the wrong one
    for attempt in (address, address.replace("tls://", "tcp://")):
        code = f"from distributed import Client\nClient('{attempt}', timeout=3)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0, attempt
    k.ok("c.scale(3)?; c.wait_for_workers(3)?;", timeout=60)
    works(k)


def test_a_local_cluster_with_files(k, authority):
    cert, key = authority.issue("all")
    k.ok(f'let c = Cluster::local_with(1, &cluster::Security::files("{authority.ca}", "{cert}", "{key}"))?;')
    works(k)
