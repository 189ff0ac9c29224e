import Glibc
import KubeModel
import Primitives
import Testing

@testable import Kubelet

/// A directory that is removed with everything in it.
final class Scratch {
  let path: String
  init() {
    var template: [CChar] = Array("/tmp/tricenter-kubelet-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }
  deinit { Files.removeTree(path) }
}

@Suite("Volumes")
struct VolumeTests {
  private func payload(_ references: KnownReferences = EnvironmentTests.references) -> VolumePayload {
    let builder: EnvironmentBuilder = EnvironmentTests.builder()
    return VolumePayload(fields: builder.fields, resources: builder.resources, references: references)
  }
  private func pod(_ volumes: JSONValue) -> KubeObject {
    var pod: KubeObject = EnvironmentTests.pod
    pod["spec"]["volumes"] = volumes
    return pod
  }
  private func mode(_ path: String) -> mode_t {
    var facts = stat()
    stat(path, &facts)
    return facts.st_mode & 0o7777
  }

  @Test("Files of ConfigMaps and Secrets stand behind ..data, with the modes asked for")
  func files() async throws {
    let scratch = Scratch()
    let manager = VolumeManager(rootDirectory: scratch.path)
    let paths: [String: String] = try await manager.prepare(
      pod([
        ["name": "c", "configMap": ["name": "settings"]],
        ["name": "s", "secret": ["secretName": "key", "defaultMode": 0o400, "items": [["key": "token", "path": "deep/token"]]]],
        ["name": "d", "downwardAPI": ["items": [["path": "labels", "fieldRef": ["fieldPath": "metadata.labels"]]]]],
        ["name": "e", "emptyDir": [:]],
        [
          "name": "p",
          "projected": [
            "sources": [["configMap": ["name": "settings"]], ["secret": ["name": "key", "items": [["key": "token", "path": "t"]]]]]
          ],
        ],
      ]), payload: payload())
    #expect(Files.read("\(paths["c"]!)/color", limit: 100)?.text == "red")
    #expect(Files.read("\(paths["s"]!)/deep/token", limit: 100)?.text == "sesame")
    #expect(mode("\(paths["s"]!)/deep/token") == 0o400)
    #expect(mode("\(paths["c"]!)/color") == 0o644)
    #expect(mode("\(scratch.path)/pods") == 0o700)
    #expect(mode(paths["e"]!) == 0o777)
    #expect(Files.read("\(paths["p"]!)/t", limit: 100)?.text == "sesame")
    #expect(Files.read("\(paths["d"]!)/labels", limit: 1_000)?.text.contains("app=\"web\"") == true)
    manager.remove("u1")
    #expect(!Files.exists(manager.podDirectory("u1")))
  }

  @Test("A change swaps the link; the same content changes nothing; keys that are gone are gone")
  func refresh() async throws {
    let scratch = Scratch()
    let manager = VolumeManager(rootDirectory: scratch.path)
    let pod: KubeObject = pod([["name": "c", "configMap": ["name": "settings"]]])
    let path: String = try await manager.prepare(pod, payload: payload())["c"]!
    let before: [String] = Files.names(in: path)
    try await manager.refresh(pod, payload: payload())
    #expect(Files.names(in: path) == before)
    var changed: KnownReferences = EnvironmentTests.references
    changed.configMaps["shop/settings"]?["data"] = ["color": "blue"]
    try await manager.refresh(pod, payload: payload(changed))
    #expect(Files.read("\(path)/color", limit: 100)?.text == "blue")
    #expect(Files.names(in: path).filter { !$0.hasPrefix("..") } == ["color"])
    #expect(Files.names(in: path).count == 3)
  }

  @Test("Secrets lie in memory and are gone with the pod", .enabled(if: geteuid() == 0, "mounting a memory volume needs root"))
  func memory() async throws {
    let scratch = Scratch()
    let manager = VolumeManager(rootDirectory: scratch.path)
    let both: JSONValue = [
      "sources": [["configMap": ["name": "settings"]], ["secret": ["name": "key", "items": [["key": "token", "path": "t"]]]]]
    ]
    let wanted: KubeObject = pod([
      ["name": "s", "secret": ["secretName": "key", "items": [["key": "token", "path": "token"]]]],
      ["name": "c", "configMap": ["name": "settings"]], ["name": "p", "projected": both],
    ])
    let paths: [String: String] = try await manager.prepare(wanted, payload: payload())
    let mayMount: Bool = Files.isMountPoint(paths["s"]!)
    #expect(Files.isMountPoint(paths["p"]!) == mayMount)
    #expect(!Files.isMountPoint(paths["c"]!))
    // Again, as after a restart: nothing is mounted over what is there.
    _ = try await manager.prepare(wanted, payload: payload())
    #expect(Files.read("\(paths["s"]!)/token", limit: 100)?.text == "sesame")
    manager.remove("u1")
    #expect(!Files.exists(manager.podDirectory("u1")))
  }

  @Test("subPath and subPathExpr stay within their volume, whatever links lie in it")
  func subPaths() throws {
    let scratch = Scratch()
    let volume: String = "\(scratch.path)/volume"
    try Files.makeDirectory("\(volume)/logs/web-1", mode: 0o755)
    symlink("/etc", "\(volume)/escape")
    let files = ContainerFiles(pod: EnvironmentTests.pod, directory: scratch.path, address: "", hostname: "web-1", clusterDomain: "c")
    func path(_ mount: JSONValue) throws -> String? {
      var mount: JSONValue = mount
      mount["name"] = "v"
      mount["mountPath"] = "/v"
      return try files.mounts(
        ["name": "a", "terminationMessagePath": "none", "volumeMounts": [mount]], attempt: 0, volumes: ["v": volume],
        environment: [EnvironmentVariable("POD", "web-1")]
      ).first?.hostPath
    }
    #expect(try path(["subPathExpr": "logs/$(POD)"]) == Files.resolved("\(volume)/logs/web-1"))
    #expect(try path(["subPath": "new"]) == Files.resolved("\(volume)/new"))
    #expect(throws: KubeletError(.badConfiguration, "")) { try path(["subPathExpr": "logs/$(NONE)"]) }
    #expect(throws: KubeletError(.badConfiguration, "")) { try path(["subPath": "escape"]) }
    #expect(throws: KubeletError(.badConfiguration, "")) { try path(["subPath": "../x"]) }
  }

  @Test("What is missing or not supported fails by name")
  func refused() async {
    let scratch = Scratch()
    let manager = VolumeManager(rootDirectory: scratch.path)
    let cases: [(JSONValue, KubeletError.Code)] = [
      (["name": "c", "configMap": ["name": "none"]], .badConfiguration),
      (["name": "c", "emptyDir": ["medium": "HugePages"]], .unsupported),
      (["name": "c", "persistentVolumeClaim": ["claimName": "x"]], .unsupported),
      (["name": "c", "projected": ["sources": [["serviceAccountToken": ["path": "token"]]]]], .unsupported),
      (["name": "c", "configMap": ["name": "settings", "items": [["key": "color", "path": "../../escape"]]]], .badConfiguration),
      (["name": "c", "hostPath": ["path": .string("\(scratch.path)/none"), "type": "Directory"]], .badConfiguration),
    ]
    for (volume, code) in cases {
      await #expect(throws: KubeletError(code, "")) { _ = try await manager.prepare(pod([volume]), payload: payload()) }
    }
  }

  @Test("A uid with a slash never leads out of the root") func escape() {
    let scratch = Scratch()
    let manager = VolumeManager(rootDirectory: "\(scratch.path)/root")
    manager.remove("../..")
    manager.remove("..")
    #expect(Files.exists(scratch.path))
  }
}
