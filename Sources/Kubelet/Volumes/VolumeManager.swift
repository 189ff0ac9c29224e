import Glibc
import KubeModel
import Primitives

/// Makes a pod's volumes below `ROOT/pods/UID/volumes`, refreshes those made of objects, and removes all of it.
/// `ROOT/pods` is 0700: nobody but root reaches a Secret's file by its path on the host; containers see it through their mount.
public struct VolumeManager: Sendable {
  public let rootDirectory: String
  let clock: any TimeSource

  public init(rootDirectory: String, clock: any TimeSource = SystemClock()) {
    self.rootDirectory = rootDirectory
    self.clock = clock
  }

  public func podDirectory(_ uid: String) -> String { "\(rootDirectory)/pods/\(uid)" }

  /// Host paths by volume name. Throws what `kubectl describe` shows as FailedMount.
  func prepare(_ pod: KubeObject, payload: VolumePayload) async throws -> [String: String] {
    try Files.makeDirectory("\(rootDirectory)/pods", mode: 0o700)
    try Files.makeDirectory(podDirectory(pod.uid), mode: 0o750)
    var paths: [String: String] = [:]
    let group: UInt32? = pod.spec["securityContext"]["fsGroup"].int.map { UInt32($0) }
    for volume in pod.spec["volumes"].array {
      let name: String = volume["name"].string ?? ""
      do {
        paths[name] = try await prepare(volume, name, pod, payload, group)
      } catch let error as KubeletError {
        throw KubeletError(error.code, "MountVolume.SetUp failed for volume \"\(name)\": \(error.message)", cause: error.cause)
      }
    }
    return paths
  }

  /// Writes those volumes again whose objects may have changed.
  func refresh(_ pod: KubeObject, payload: VolumePayload) async throws {
    for volume in pod.spec["volumes"].array where Self.isProjection(volume) {
      let group: UInt32? = pod.spec["securityContext"]["fsGroup"].int.map { UInt32($0) }
      _ = try await prepare(volume, volume["name"].string ?? "", pod, payload, group)
    }
  }

  static func isProjection(_ volume: JSONValue) -> Bool {
    ["configMap", "secret", "downwardAPI", "projected"].contains { volume[$0].object != nil }
  }

  private func prepare(
    _ volume: JSONValue, _ name: String, _ pod: KubeObject, _ payload: VolumePayload, _ group: UInt32?
  ) async throws -> String {
    let path: String = "\(podDirectory(pod.uid))/volumes/\(name)"
    if Self.isProjection(volume) {
      func mode(_ source: JSONValue) -> UInt32 { source["defaultMode"].int.map { UInt32($0) } ?? VolumePayload.defaultMode }
      let files: [AtomicWriter.File]
      if volume["configMap"].object != nil {
        files = try await payload.files(configMap: volume["configMap"], mode: mode(volume["configMap"]))
      } else if volume["secret"].object != nil {
        files = try await payload.files(secret: volume["secret"], mode: mode(volume["secret"]))
      } else if volume["downwardAPI"].object != nil {
        files = try payload.files(downwardAPI: volume["downwardAPI"], mode: mode(volume["downwardAPI"]))
      } else {
        files = try await payload.files(projected: volume["projected"], mode: mode(volume["projected"]))
      }
      if Self.holdsSecrets(volume) { try keepInMemory(path) }
      _ = try AtomicWriter(directory: path).write(files, stamp: clock.wall(), group: group)
      return path
    }
    if volume["emptyDir"].object != nil { return try emptyDirectory(volume["emptyDir"], path, group) }
    if volume["hostPath"].object != nil { return try hostPath(volume["hostPath"]) }
    let kind: String = volume.object?.keys.first { $0 != "name" } ?? "unnamed source"
    throw KubeletError(
      .unsupported,
      "Volumes of type \(kind) are not supported by this kubelet; configMap, secret, emptyDir, downwardAPI, projected and hostPath are.")
  }

  static func holdsSecrets(_ volume: JSONValue) -> Bool {
    volume["secret"].object != nil || volume["projected"]["sources"].array.contains { $0["secret"].object != nil }
  }

  /// Secrets are never written to a disk: their volume is a memory file system where this process may mount one (CAP_SYS_ADMIN).
  /// Without that right it is a directory that only root can reach.
  private func keepInMemory(_ path: String) throws {
    try Files.makeDirectory(path, mode: 0o755)
    guard !Files.isMountPoint(path), Files.names(in: path).isEmpty else { return }
    guard mount("tmpfs", path, "tmpfs", UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC), "mode=0755,size=\(KubeletLimits.secretVolumeBytes)") == 0
    else {
      if errno == EPERM || errno == EACCES { return }
      throw Files.fail("A memory volume for secrets cannot be mounted at \(path)")
    }
  }

  private func emptyDirectory(_ source: JSONValue, _ path: String, _ group: UInt32?) throws -> String {
    let fresh: Bool = !Files.exists(path)
    try Files.makeDirectory(path, mode: 0o777)
    guard fresh else { return path }
    let medium: String = source["medium"].string ?? ""
    guard medium.isEmpty || medium == "Memory" else {
      rmdir(path)
      throw KubeletError(.unsupported, "emptyDir with medium \(medium) is not supported by this kubelet; Memory and none are.")
    }
    if medium == "Memory" {
      let size: String = Quantity(json: source["sizeLimit"]).map { ",size=\($0.value)" } ?? ""
      guard mount("tmpfs", path, "tmpfs", UInt(MS_NOSUID | MS_NODEV), "mode=0777\(size)") == 0 else {
        throw Files.fail("A memory volume cannot be mounted at \(path)")
      }
    }
    if let group {
      chown(path, uid_t.max, group)
      chmod(path, 0o2777)
    }
    return path
  }

  /// The type's checks of k8s HostPathVolumeSource.
  private func hostPath(_ source: JSONValue) throws -> String {
    let path: String = source["path"].string ?? ""
    var facts = stat()
    let present: Bool = stat(path, &facts) == 0
    let kind: mode_t = facts.st_mode & S_IFMT
    func need(_ condition: Bool, _ what: String) throws {
      guard condition else { throw KubeletError(.badConfiguration, "hostPath type check failed: \(path) is not \(what)") }
    }
    switch source["type"].string ?? "" {
    case "":
      // Runtimes make a missing path a directory; the type "" checks nothing.
      if !present { try Files.makeDirectory(path, mode: 0o755) }
    case "DirectoryOrCreate":
      if !present { try Files.makeDirectory(path, mode: 0o755) } else { try need(kind == S_IFDIR, "a directory") }
    case "Directory": try need(present && kind == S_IFDIR, "a directory")
    case "FileOrCreate":
      if !present { try Files.write([], to: path, mode: 0o644) } else { try need(kind == S_IFREG, "a file") }
    case "File": try need(present && kind == S_IFREG, "a file")
    case "Socket": try need(present && kind == S_IFSOCK, "a socket")
    case "CharDevice": try need(present && kind == S_IFCHR, "a character device")
    case "BlockDevice": try need(present && kind == S_IFBLK, "a block device")
    case let other: throw KubeletError(.badConfiguration, "hostPath has the unknown type '\(other)'.")
    }
    return path
  }

  /// After the pod's containers are gone.
  public func remove(_ uid: String) {
    guard !uid.isEmpty, !uid.contains("/"), uid != ".", uid != ".." else { return }
    let volumes: String = "\(podDirectory(uid))/volumes"
    // Only memory volumes are mounts; umount of anything else fails without harm.
    for name in Files.names(in: volumes) { umount2("\(volumes)/\(name)", Int32(MNT_DETACH)) }
    Files.removeTree(podDirectory(uid))
  }

  /// Notes in the pod's directory that a fence spares it, for a kubelet that has to fence before anybody can tell it.
  func markHot(_ uid: String, _ hot: Bool) throws {
    let mark: String = "\(podDirectory(uid))/hot"
    guard hot else {
      unlink(mark)
      return
    }
    try Files.makeDirectory("\(rootDirectory)/pods", mode: 0o700)
    try Files.makeDirectory(podDirectory(uid), mode: 0o750)
    try Files.write([], to: mark, mode: 0o600)
  }
  /// The same of its namespace, which a fence may treat apart.
  func mark(_ uid: String, namespace: String) throws {
    try Files.makeDirectory("\(rootDirectory)/pods", mode: 0o700)
    try Files.makeDirectory(podDirectory(uid), mode: 0o750)
    try Files.write(Bytes(namespace), to: "\(podDirectory(uid))/namespace", mode: 0o600)
  }
  func markedNamespace(_ uid: String) -> String? { Files.read("\(podDirectory(uid))/namespace", limit: 256)?.text }
  func isMarkedHot(_ uid: String) -> Bool { Files.exists("\(podDirectory(uid))/hot") }

  /// Pods that have a directory here.
  public func podsOnDisk() -> [String] { Files.names(in: "\(rootDirectory)/pods") }
}
