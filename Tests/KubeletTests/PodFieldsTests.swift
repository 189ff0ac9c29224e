import KubeModel
import Primitives
import Testing

@testable import Kubelet

/// Every field of a Pod, with what becomes of it on this host. A field that a later Kubernetes adds fails this test until somebody decides.
@Suite("Fields of a Pod")
struct PodFieldsTests {
  enum Fate {
    /// The kubelet does what it says.
    case done
    /// A pod that uses it in a way that is not carried out is refused by name (`PodAdmission`), or its container is (`FailedMount`,
    /// `CreateContainerConfigError`).
    case refused
    /// Read by others before the pod is bound: scheduler, apiserver, clients.
    case others
    /// Documented to have no effect where it stands (say: on volumes that are not persistent).
    case noEffect
  }

  static let pod: [String: Fate] = [
    "activeDeadlineSeconds": .done, "affinity": .others, "automountServiceAccountToken": .done, "containers": .done, "dnsConfig": .done,
    "dnsPolicy": .done, "enableServiceLinks": .done, "ephemeralContainers": .refused, "hostAliases": .done, "hostIPC": .done,
    "hostNetwork": .done, "hostPID": .done, "hostUsers": .refused, "hostname": .done, "hostnameOverride": .done, "imagePullSecrets": .done,
    "initContainers": .done, "nodeName": .done, "nodeSelector": .others, "os": .refused, "overhead": .others, "preemptionPolicy": .others,
    "priority": .done, "priorityClassName": .others, "readinessGates": .done, "resourceClaims": .refused, "resources": .refused,
    "restartPolicy": .done, "runtimeClassName": .refused, "schedulerName": .others, "schedulingGates": .others,
    "schedulingGroup": .others, "securityContext": .done, "serviceAccount": .others, "serviceAccountName": .done,
    "setHostnameAsFQDN": .done, "shareProcessNamespace": .done, "subdomain": .done, "terminationGracePeriodSeconds": .done,
    "tolerations": .others, "topologySpreadConstraints": .others, "volumes": .done,
  ]
  static let podSecurity: [String: Fate] = [
    "appArmorProfile": .done, "fsGroup": .done, "fsGroupChangePolicy": .noEffect, "runAsGroup": .done, "runAsNonRoot": .done,
    "runAsUser": .done, "seLinuxChangePolicy": .noEffect, "seLinuxOptions": .refused, "seccompProfile": .done, "supplementalGroups": .done,
    "supplementalGroupsPolicy": .refused, "sysctls": .done, "windowsOptions": .refused,
  ]
  static let container: [String: Fate] = [
    "args": .done, "command": .done, "env": .done, "envFrom": .done, "image": .done, "imagePullPolicy": .done, "lifecycle": .done,
    "livenessProbe": .done, "name": .done, "ports": .done, "readinessProbe": .done, "resizePolicy": .others, "resources": .done,
    "restartPolicy": .refused, "restartPolicyRules": .refused, "securityContext": .done, "startupProbe": .done, "stdin": .done,
    "stdinOnce": .done, "terminationMessagePath": .done, "terminationMessagePolicy": .done, "tty": .done, "volumeDevices": .refused,
    "volumeMounts": .done, "workingDir": .done,
  ]
  static let security: [String: Fate] = [
    "allowPrivilegeEscalation": .done, "appArmorProfile": .done, "capabilities": .done, "privileged": .done, "procMount": .refused,
    "readOnlyRootFilesystem": .done, "runAsGroup": .done, "runAsNonRoot": .done, "runAsUser": .done, "seLinuxOptions": .refused,
    "seccompProfile": .done, "windowsOptions": .refused,
  ]
  static let mount: [String: Fate] = [
    "mountPath": .done, "mountPropagation": .done, "name": .done, "readOnly": .done, "recursiveReadOnly": .refused, "subPath": .done,
    "subPathExpr": .done,
  ]
  static let port: [String: Fate] = ["containerPort": .done, "hostIP": .done, "hostPort": .done, "name": .done, "protocol": .done]
  static let lifecycle: [String: Fate] = ["postStart": .done, "preStop": .done, "stopSignal": .refused]
  static let probe: [String: Fate] = [
    "exec": .done, "failureThreshold": .done, "grpc": .done, "httpGet": .done, "initialDelaySeconds": .done, "periodSeconds": .done,
    "successThreshold": .done, "tcpSocket": .done, "terminationGracePeriodSeconds": .done, "timeoutSeconds": .done,
  ]
  static let environmentSource: [String: Fate] = [
    "configMapKeyRef": .done, "fieldRef": .done, "fileKeyRef": .refused, "resourceFieldRef": .done, "secretKeyRef": .done,
  ]
  static let emptyDirectory: [String: Fate] = ["medium": .done, "sizeLimit": .done]
  static let resources: [String: Fate] = ["claims": .refused, "limits": .done, "requests": .done]

  @Test(
    "Each has a fate, and none is named that is not there",
    arguments: [
      ("core.v1.PodSpec", pod), ("core.v1.PodSecurityContext", podSecurity), ("core.v1.Container", container),
      ("core.v1.SecurityContext", security), ("core.v1.VolumeMount", mount), ("core.v1.ContainerPort", port),
      ("core.v1.Lifecycle", lifecycle), ("core.v1.Probe", probe), ("core.v1.EnvVarSource", environmentSource),
      ("core.v1.EmptyDirVolumeSource", emptyDirectory), ("core.v1.ResourceRequirements", resources),
    ])
  func fates(_ type: String, _ known: [String: Fate]) throws {
    let fields: [String] = try #require(SchemaTable.shared[type]).fields.map(\.name)
    #expect(Set(fields) == Set(known.keys))
  }

  private func refusal(_ change: (inout JSONValue) -> Void) -> PodFailure? {
    var pod: KubeObject = TestCluster.pod("web")
    change(&pod.json["spec"])
    return PodAdmission(pod: pod, abilities: HostAbilities(hasAppArmor: false)).refusal()
  }

  @Test("What is not carried out is refused by name; what is, is not")
  func refusals() {
    #expect(refusal { _ in } == nil)
    let refused: [(String, (inout JSONValue) -> Void)] = [
      ("hostUsers", { $0["hostUsers"] = false }), ("resourceClaims", { $0["resourceClaims"] = [["name": "gpu"]] }),
      ("as a whole", { $0["resources"] = ["limits": ["cpu": "1"]] }), ("runtimeClassName", { $0["runtimeClassName"] = "gvisor" }),
      ("seLinuxOptions", { $0["securityContext"] = ["seLinuxOptions": ["level": "s0"]] }),
      ("Strict", { $0["securityContext"] = ["supplementalGroupsPolicy": "Strict"] }),
      ("procMount", { $0["containers"][0]["securityContext"] = ["procMount": "Unmasked"] }),
      ("restartPolicy", { $0["containers"][0]["restartPolicy"] = "Never" }),
      ("restartPolicyRules", { $0["containers"][0]["restartPolicyRules"] = [["action": "Restart"]] }),
      ("stopSignal", { $0["containers"][0]["lifecycle"] = ["stopSignal": "SIGUSR1"] }),
      ("volumeDevices", { $0["containers"][0]["volumeDevices"] = [["name": "a", "devicePath": "/dev/x"]] }),
      ("recursiveReadOnly", { $0["containers"][0]["volumeMounts"] = [["name": "a", "mountPath": "/a", "recursiveReadOnly": "Enabled"]] }),
      ("hugepages-2Mi", { $0["containers"][0]["resources"] = ["limits": ["hugepages-2Mi": "4Mi"]] }),
      ("HTTPS", { $0["containers"][0]["livenessProbe"] = ["httpGet": ["port": 1, "scheme": "HTTPS"]] }),
    ]
    for (word, change) in refused {
      let failure: PodFailure? = refusal(change)
      #expect(failure?.reason == "Unsupported" && failure?.message.contains(word) == true, "\(word): \(failure?.message ?? "admitted")")
    }
    #expect(refusal { $0["os"] = ["name": "windows"] }?.reason == "PodOSNotSupported")
    #expect(refusal { $0["securityContext"] = ["sysctls": [["name": "kernel.msgmax", "value": "1"]]] }?.reason == "SysctlForbidden")
    #expect(refusal { $0["securityContext"] = ["sysctls": [["name": "net.ipv4.tcp_syncookies", "value": "1"]]] } == nil)
    #expect(refusal { $0["securityContext"] = ["appArmorProfile": ["type": "RuntimeDefault"]] }?.reason == "AppArmor")
    #expect(refusal { $0["containers"][0]["securityContext"] = ["privileged": true, "runAsUser": 1] } == nil)
    #expect(refusal { $0["initContainers"] = [["name": "side", "image": "a", "restartPolicy": "Always"]] } == nil)
  }

  @Test("Host ports collide by protocol, number and address")
  func hostPorts() {
    func port(_ number: Int32, _ address: String = "", _ transport: HostPort.TransportProtocol = .tcp) -> HostPort {
      HostPort(transport: transport, containerPort: 80, hostPort: number, hostAddress: address)
    }
    #expect(port(80).collides(with: port(80, "10.0.0.1")))
    #expect(!port(80, "10.0.0.2").collides(with: port(80, "10.0.0.1")))
    #expect(!port(80).collides(with: port(80, "", .udp)))
    #expect(!port(80).collides(with: port(81)))
    let spec: JSONValue = ["containers": [["ports": [["containerPort": 8080], ["containerPort": 53, "hostPort": 53, "protocol": "UDP"]]]]]
    #expect(HostPort.of(spec) == [HostPort(transport: .udp, containerPort: 53, hostPort: 53, hostAddress: "")])
  }

  @Test("A pod's name inside: its own, another, or the full one")
  func names() {
    func inside(_ change: (inout JSONValue) -> Void) -> String {
      var pod: KubeObject = TestCluster.pod("web")
      change(&pod.json["spec"])
      return PodHostName(pod: pod, clusterDomain: "cluster.local").inside
    }
    #expect(inside { _ in } == "web")
    #expect(inside { $0["hostname"] = "other" } == "other")
    #expect(inside { $0["subdomain"] = "all" } == "web")
    #expect(
      inside {
        $0["subdomain"] = "all"
        $0["setHostnameAsFQDN"] = true
      } == "web.all.shop.svc.cluster.local")
    #expect(inside { $0["hostnameOverride"] = "a.b" } == "a.b")
  }

  @Test("Registry credentials: the most specific entry first, nobody else's")
  func credentials() {
    let config: String =
      #"{"auths":{"https://index.docker.io/v1/":{"auth":"aHViOnB3"},"*.corp.example":{"username":"star","password":"s"},"#
      + #""reg.corp.example/team":{"username":"team","password":"t"},"localhost:5000":{"identitytoken":"i"}}}"#
    let secret = KubeObject(["data": [".dockerconfigjson": .string(Base64.encode(Bytes(config)))]])
    func users(_ image: String) -> [String] { RegistryCredentials.matching(image, in: secret).map(\.user) }
    #expect(users("nginx") == ["hub"])
    #expect(RegistryCredentials.matching("library/nginx:1@sha256:00", in: secret).first?.password == "pw")
    #expect(users("reg.corp.example/team/app:1") == ["team", "star"])
    #expect(users("reg.corp.example/teams/app") == ["star"])
    #expect(users("a.reg.corp.example/app") == [])
    #expect(users("localhost:5000/app") == [""])
    #expect(users("other.example/app") == [])
    #expect(RegistryCredentials.matching("nginx", in: KubeObject(["data": [".dockerconfigjson": "%%%"]])).isEmpty)
  }

  @Test("Who goes first when memory runs out")
  func scores() {
    func score(_ resources: JSONValue, _ priority: Int64 = 0) -> Int64 {
      let pod = KubeObject(["spec": ["priority": .int(priority), "containers": [["name": "a", "resources": resources]]]])
      let settings = KubeletConfiguration(
        hostName: "h", center: "c", city: "e", address: "10.0.0.1", podCIDR: "10.1.0.0/24", runtime: .containerd(socket: ""),
        rootDirectory: "/r")
      return ConfigurationBuilder(settings: settings, pod: pod, hostMemoryBytes: 8 << 30).outOfMemoryScore(pod.spec["containers"][0])
    }
    #expect(score([:]) == 1_000)
    #expect(score(["requests": ["cpu": "1", "memory": "1Gi"], "limits": ["cpu": "1", "memory": "1Gi"]]) == -997)
    #expect(score(["requests": ["memory": "2Gi"]]) == 750)
    #expect(score(["requests": ["memory": "1"]]) == 999)
    #expect(score(["requests": ["memory": "8Gi"]]) == 3)
    #expect(score([:], 2_000_001_000) == -997)
  }
}
