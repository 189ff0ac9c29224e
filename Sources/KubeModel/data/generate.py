#!/usr/bin/env python3
"""Writes Sources/KubeModel/Schemas/*.swift from the public API description of Kubernetes (the Swagger 2.0 document that every
kube-apiserver serves at /openapi/v2) and from overlay.txt (enums and defaults, which that document does not carry).

    generate.py openapi-v2.json        run from the repository's top
"""
import json, pathlib, re, sys

HERE = pathlib.Path(__file__).parent
OUT = HERE.parent / "Schemas"

FILES = {  # file -> (Swift name, the kinds it starts from)
    "MetaV1": ["meta.v1.Status", "meta.v1.DeleteOptions", "meta.v1.APIResourceList", "meta.v1.APIGroup", "meta.v1.APIGroupList",
               "meta.v1.APIVersions", "meta.v1.WatchEvent", "meta.v1.Condition", "meta.v1.ListMeta", "meta.v1.ObjectMeta",
               "meta.v1.Patch", "version.Info"],
    "CoreV1": ["core.v1." + k for k in "Namespace Node Pod Service Endpoints ConfigMap Secret ServiceAccount Event Binding".split()],
    "AppsV1": ["apps.v1.Deployment", "apps.v1.ReplicaSet"],
    "DiscoveryV1": ["discovery.v1.EndpointSlice"],
    "CoordinationV1": ["coordination.v1.Lease"],
    "AutoscalingV1": ["autoscaling.v1.Scale"],
    "EventsV1": ["events.v1.Event"],
    "PolicyV1": ["policy.v1.Eviction"],
    "AuthorizationV1": ["authorization.v1.SelfSubjectAccessReview", "authorization.v1.SelfSubjectRulesReview"],
    "AuthenticationV1": ["authentication.v1.SelfSubjectReview"],
}
# What of core/v1 stands in a file of its own, by the type's name; the first that fits.
TOPICS = [
    ("CoreV1Volumes", r"(.*Volume.*|.*Projection|KeyToPath)$"),
    ("CoreV1Nodes", r"(Node(?!Affinity|Selector)|DaemonEndpoint|ConfigMapNode|ContainerImage$|Taint$)"),
    ("CoreV1Services", r"(Service|Endpoint|LoadBalancer|PortStatus|SessionAffinity|ClientIP|Binding|ObjectReference|Local)"),
    ("CoreV1Containers",
     r"(Container|LinuxContainer|Env|Probe|Lifecycle|Exec|HTTP|TCPSocket|GRPC|Sleep|Security|Capab|Resource|SELinux|Seccomp|AppArmor|Windows|"
     r"EphemeralContainer|ConfigMapKey|ConfigMapEnv|Secret(Key|Env)|FileKey|ObjectField)"),
    ("CoreV1Pods", r"(Pod|Affinity|NodeAffinity|NodeSelector|Preferred|WeightedPod|Toleration|Topology|Host|Sysctl)"),
]
PREFIXES = [("io.k8s.apimachinery.pkg.apis.meta.v1.", "meta.v1."), ("io.k8s.apimachinery.pkg.api.resource.", "resource."),
            ("io.k8s.apimachinery.pkg.runtime.", "runtime."), ("io.k8s.apimachinery.pkg.util.intstr.", "intstr."),
            ("io.k8s.apimachinery.pkg.version.", "version."), ("io.k8s.api.", "")]
SPECIAL = {"resource.Quantity": "quantity", "meta.v1.Time": "time", "meta.v1.MicroTime": "microtime",
           "intstr.IntOrString": "intorstring", "meta.v1.FieldsV1": "any", "runtime.RawExtension": "any", "meta.v1.Patch": "any"}


def short(name):
    for long, alias in PREFIXES:
        if name.startswith(long):
            return alias + name[len(long):]
    raise SystemExit("no short name for " + name)


def kind(schema):
    if "$ref" in schema:
        return short(schema["$ref"].split("/")[-1])
    t = schema.get("type")
    if t == "array":
        return "[]" + kind(schema["items"])
    if t == "object":
        extra = schema.get("additionalProperties")
        return "{}" + (kind(extra) if extra else "any")
    if t == "string":
        return "bytes" if schema.get("format") == "byte" else "string"
    if t == "integer":
        return schema["format"]
    return {"boolean": "boolean", "number": "number", None: "any"}[t]


def flags(schema):
    out = []
    if "x-kubernetes-list-type" in schema:
        t = schema["x-kubernetes-list-type"]
        out.append("list=" + t + (":" + ",".join(schema["x-kubernetes-list-map-keys"]) if t == "map" else ""))
    if "x-kubernetes-patch-strategy" in schema:
        key = schema.get("x-kubernetes-patch-merge-key")
        out.append("patch=" + schema["x-kubernetes-patch-strategy"] + (":" + key if key else ""))
    if "x-kubernetes-map-type" in schema:
        out.append("map=" + schema["x-kubernetes-map-type"])
    return out


# Descriptions that speak to Go programmers are ours instead.
OWN = {"RawExtension is used to hold": "RawExtension holds an object of any kind as it was sent."}


def text(schema):
    d = schema.get("description", "")
    d = next((own for start, own in OWN.items() if d.startswith(start)), d)
    return ['"' + d.replace("\\", "\\\\").replace("\n", "\\n")] if d else []


def overlay():
    table, current = {}, None
    for line in (HERE / "overlay.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            current = line.strip()
        else:
            field, rest = line.strip().split(" ", 1)
            table[(current, field)] = rest
    return table


def main():
    definitions = {short(n) if not n.startswith("io.k8s.kube-aggregator") and not n.startswith("io.k8s.apiextensions") else n: s
                   for n, s in json.load(open(sys.argv[1]))["definitions"].items()}
    extra, used = overlay(), set()
    done = set()
    for file, roots in FILES.items():
        lines, waiting = [], list(roots)
        while waiting:
            name = waiting.pop(0)
            if name in done:
                continue
            home = next((f for f in FILES if f.lower() == "".join(name.split(".")[:2]).lower()), "MetaV1")
            done.add(name)
            schema = definitions[name]
            head = ["T", name]
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                if name.startswith("meta.v1."):
                    continue  # these stand in every group
                head.append("gvk=%s/%s/%s" % (gvk["group"], gvk["version"], gvk["kind"]))
            if name in SPECIAL:
                head.append("is=" + SPECIAL[name])
            block = [" ".join(head + flags(schema))] + text(schema)
            for field, value in schema.get("properties", {}).items():
                line = ["F", field, kind(value)]
                if field in schema.get("required", []):
                    line.append("!")
                line += flags(value)
                if (name, field) in extra:
                    line.append(extra[(name, field)])
                    used.add((name, field))
                block += [" ".join(line)] + text(value)
                base = re.sub(r"^(\[\]|\{\})+", "", kind(value))
                if "." in base and base not in done:
                    waiting.append(base)
            lines.append((name, block, home))
        for name, block, home in lines:
            if home == "CoreV1":
                plain = name[len("core.v1."):]
                home = next((topic for topic, pattern in TOPICS if re.match(pattern, plain)), home)
            by_file.setdefault(home, []).append((name, block))
    missing = set(extra) - used
    if missing:
        raise SystemExit("overlay names fields that do not exist: %s" % sorted(missing))
    for file, blocks in by_file.items():
        body = "\n".join(l for _, block in sorted(blocks) for l in block)
        (OUT / (file + ".swift")).write_text(
            "// Generated by data/generate.py from the public Kubernetes 1.36 API description; do not edit.\n"
            "// Field names, types and descriptions: Copyright The Kubernetes Authors, Apache License 2.0.\n"
            "// swift-format-ignore-file\n"
            "extension SchemaSource {\n  static let %s: StaticString = #\"\"\"\n%s\n\"\"\"#\n}\n" % (file[0].lower() + file[1:], body))


by_file = {}
main()
