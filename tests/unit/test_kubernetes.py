"""deploy/kubernetes: what kustomize and Helm make is valid in three versions of Kubernetes, and both make the same."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from exporter.config.load import load
from tests.command import run
from tests.unit.manifests import VERSIONS, Object, mistakes, read

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
BASES = ("daemonset", "sidecar", "pod-monitor", "service-monitor")
HELM, KUSTOMIZE = (sorted(map(str, ROOT.glob(f"build/{name}-*/{name}")))[-1:] for name in ("helm", "kustomize"))


def base(name: str) -> list[Object]:
    """The objects that a kustomization lists."""
    folder = FOLDER / "kustomize" / name
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return [manifest for file in listed for manifest in read((folder / file).read_text(encoding="utf-8"))]


def test_the_generated_files_are_up_to_date() -> None:
    """Bases and templates are what build.py makes of values.yaml."""
    command = [sys.executable, str(FOLDER / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_the_products() -> None:
    """The image's tag, and what the chart says."""
    values = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
    chart = yaml.safe_load((FOLDER / "chart" / "Chart.yaml").read_text(encoding="utf-8"))
    assert {values["image"]["tag"], chart["version"], chart["appVersion"]} == {__version__}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", BASES)
def test_the_bases_are_valid(name: str, version: str) -> None:
    """Every object, and no field that Kubernetes does not know."""
    for manifest in base(name):
        assert mistakes(manifest, version) == [], manifest["kind"]
        assert mistakes(manifest | {"spek": {}}, version) != [], "the check finds nothing"


def test_rules_and_dashboards_of_the_command_are_valid(tmp_path: Path) -> None:
    """`--kubernetes` writes a PrometheusRule, an AlertmanagerConfig, and a ConfigMap per dashboard, small enough for
    `kubectl apply`.
    """
    assert run("alerts", "--kubernetes", "--out", str(tmp_path)).code == 0
    assert run("dashboards", "--kubernetes", "--out", str(tmp_path)).code == 0
    written = [manifest for path in tmp_path.glob("*.yml") for manifest in read(path.read_text(encoding="utf-8"))]
    rules = [manifest for manifest in written if "apiVersion" in manifest]
    assert {manifest["kind"] for manifest in rules} == {"PrometheusRule", "AlertmanagerConfig"}
    boards = read((tmp_path / "configmaps.yaml").read_text(encoding="utf-8"))
    assert len(boards) == len(list(tmp_path.glob("gateway-*.json")))
    for manifest in rules + boards:
        assert [mistakes(manifest, version) for version in VERSIONS] == [[], [], []]
    for board in boards:
        ((name, text),) = board["data"].items()
        assert text == (tmp_path / name).read_text(encoding="utf-8")
        assert len(text) < 200_000
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


def containers(name: str) -> Iterator[tuple[Object, Object]]:
    """Each container of a base, with its pod."""
    for manifest in base(name):
        if pod := manifest.get("spec", {}).get("template", {}).get("spec"):
            for container in pod["containers"]:
                yield pod, container


def test_the_sidecar_is_restricted() -> None:
    """By the level `restricted` of Kubernetes' pod security standards."""
    kinds = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    for pod, container in containers("sidecar"):
        context = pod["securityContext"] | container["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"] != 0) == (True, True)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} <= kinds
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_the_daemonset_has_few_rights() -> None:
    """It is root, as containers' logs are root's, but without capabilities; it writes to its state only."""
    for pod, container in containers("daemonset"):
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert writable == ["/var/lib/gateway-exporter"]
        assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", ["daemonset", "sidecar"])
def test_the_config_is_valid_and_finds_what_is_mounted(name: str, tmp_path: Path) -> None:
    """The ConfigMap's config is read with its registry and the Secret's key; logs and state are in mounted folders."""
    config = next(
        manifest for manifest in base(name) if manifest["kind"] == "ConfigMap" and "config.yaml" in manifest["data"]
    )
    for file, text in config["data"].items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "key-hash.secret").write_text("0123456789abcdef", encoding="utf-8")
    found = load(tmp_path / "config.yaml").config
    mounts = [mount["mountPath"] for _, container in containers(name) for mount in container["volumeMounts"]]
    for path in (*(input_.path for input_ in found.inputs), found.state.path):
        assert any(path.startswith(f"{mount}/") for mount in mounts), path
    port = found.web.listen.rpartition(":")[2]
    ports = {str(port["containerPort"]) for _, container in containers(name) for port in container["ports"]}
    assert port in ports


def rendered(template: str, values: Object) -> list[Object]:
    """A template of build.py, as Helm renders it: values as JSON, `{{ "{{" }}` as braces."""

    def value(path: str) -> Any:
        found: Any = values
        for step in path.split("."):
            found = found[step]
        return found

    text = re.sub(r"^\{\{- .*\}\}$", "", template, flags=re.MULTILINE)
    text = re.sub(r"\{\{ toJson \.Values\.([\w.]+) \}\}", lambda found: json.dumps(value(found[1])), text)
    text = re.sub(r"\{\{ \.Values\.([\w.]+) \}\}", lambda found: str(value(found[1])), text)
    return read(text.replace('{{ "{{" }}', "{{"))


@pytest.mark.parametrize("name", BASES)
def test_the_chart_is_the_base(name: str) -> None:
    """With the values of values.yaml, template and base are the same objects."""
    values = yaml.safe_load((FOLDER / "chart" / "values.yaml").read_text(encoding="utf-8"))
    template = (FOLDER / "chart" / "templates" / f"{name}.yaml").read_text(encoding="utf-8")
    assert rendered(template, values) == base(name)


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in objects}


@pytest.mark.parametrize("helm", HELM)
@pytest.mark.parametrize("mode", ["daemonset", "sidecar"])
@pytest.mark.parametrize("monitor", ["pod", "service"])
def test_helm_makes_valid_objects(helm: str, mode: str, monitor: str) -> None:
    """Those of the base, and rules and dashboards as they are generated, braces included."""
    command = [helm, "template", "x", str(FOLDER / "chart"), "--kube-version", VERSIONS[-1]]
    command += ["--set", f"mode={mode}", "--set", f"monitoring.monitor={monitor}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = by_name(read(done.stdout))
    for manifest in made.values():
        assert [mistakes(manifest, version) for version in VERSIONS] == [[], [], []]
    for manifest in base(mode) + base(f"{monitor}-monitor"):
        assert made.pop((manifest["kind"], manifest["metadata"]["name"])) == manifest
    for name in ("recording", "alerts"):
        rules = yaml.safe_load((ROOT / "alerts" / "generated" / f"{name}.rules.yml").read_text(encoding="utf-8"))
        assert made.pop(("PrometheusRule", f"gateway-exporter-{name}"))["spec"] == rules
    boards = {path.name: path.read_text("utf-8") for path in (ROOT / "dashboards" / "generated").glob("*.json")}
    assert {name: text for manifest in made.values() for name, text in manifest["data"].items()} == boards


def example(folder: Path) -> list[str]:
    """The files that `alerts --kubernetes` writes for config.example.yaml, with the namespace of the kustomization."""
    text = (ROOT / "config.example.yaml").read_text("utf-8").replace("namespace: monitoring", "namespace: gateway")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    done = run("alerts", "--config.file", str(folder / "config.yaml"), "--kubernetes", "--out", str(folder))
    assert (done.code, done.stderr) == (0, "")
    return ["prometheusrule.yml", "alertmanagerconfig.yml"]


@pytest.mark.parametrize("helm", HELM)
def test_helm_takes_rules_and_receivers_of_a_config(helm: str, tmp_path: Path) -> None:
    """The command's files as they are, instead of the rules that the chart brings."""
    names = example(tmp_path)
    command = [helm, "template", "x", str(FOLDER / "chart"), "--kube-version", VERSIONS[-1]]
    for name, value in zip(names, ("prometheusRule", "alertmanagerConfig"), strict=True):
        command += ["--set-file", f"monitoring.{value}={tmp_path / name}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = [manifest for manifest in read(done.stdout) if manifest["kind"] in ("PrometheusRule", "AlertmanagerConfig")]
    expected = [manifest for name in names for manifest in read((tmp_path / name).read_text(encoding="utf-8"))]
    assert by_name(made) == by_name(expected)
    assert len(made) == len(expected)
    for manifest in made:
        assert [mistakes(manifest, version) for version in VERSIONS] == [[], [], []]


@pytest.mark.parametrize("kustomize", KUSTOMIZE)
def test_kustomize_builds_the_bases_together(kustomize: str, tmp_path: Path) -> None:
    """As README.md says: a base, a monitor, and what the command writes, in a namespace."""
    written = example(tmp_path)
    assert run("dashboards", "--kubernetes", "--out", str(tmp_path)).code == 0
    for name in ("daemonset", "pod-monitor"):
        (tmp_path / name).mkdir()
        for path in (FOLDER / "kustomize" / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    resources = ["daemonset", "pod-monitor", *written, "configmaps.yaml"]
    text = yaml.safe_dump({"namespace": "gateway", "resources": resources})
    (tmp_path / "kustomization.yaml").write_text(text, encoding="utf-8")
    command = [kustomize, "build", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = read(done.stdout)
    assert {manifest["metadata"]["namespace"] for manifest in made} == {"gateway"}
    assert len(made) == len(base("daemonset")) + 1 + len(written) + len(list(tmp_path.glob("gateway-*.json")))
    for manifest in made:
        assert [mistakes(manifest, version) for version in VERSIONS] == [[], [], []]
