import KubeModel
import Primitives

/// Limits on what a pod writes: `sizeLimit` of volumes on disk, `ephemeral-storage` of containers. A pod over one is evicted.
/// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#ephemeral-storage-consumption-management
extension PodWorker {
  static func hasUsageLimit(_ spec: JSONValue) -> Bool {
    spec["volumes"].array.contains { isMeasured($0) } || spec["containers"].array.contains { storageLimit($0) != nil }
  }
  private static func isMeasured(_ volume: JSONValue) -> Bool {
    // A memory volume's limit is the kernel's to keep.
    volume["emptyDir"]["sizeLimit"].string != nil && volume["emptyDir"]["medium"].string != "Memory"
  }
  private static func storageLimit(_ container: JSONValue) -> Quantity? {
    Quantity(json: container["resources"]["limits"]["ephemeral-storage"]).flatMap { $0.isZero ? nil : $0 }
  }

  func watchUsage() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: KubeletLimits.usageEvery)
      guard !Task.isCancelled, !lifecycle.hasEnded, lifecycle.completed == nil else { return }
      guard lifecycle.stopGrace == nil, let failure: PodFailure = await overLimit() else { continue }
      apply(lifecycle.onEvicted(failure, now: now))
    }
  }

  func overLimit() async -> PodFailure? {
    let volumes: String = "\(context.volumes.podDirectory(uid))/volumes"
    var written: Int64 = 0
    for volume in pod.spec["volumes"].array where volume["emptyDir"].object != nil && volume["emptyDir"]["medium"].string != "Memory" {
      let name: String = volume["name"].string ?? ""
      let used: Int64 = DiskUsage.of("\(volumes)/\(name)")
      written += used
      if Self.isMeasured(volume), let limit = Quantity(json: volume["emptyDir"]["sizeLimit"]), used > limit.value {
        return .evicted("Usage of EmptyDir volume \"\(name)\" exceeds the limit \"\(limit)\".")
      }
    }
    let directory: String = context.builder(pod).logDirectory
    let runtime: any ContainerRuntime = context.runtime
    for container in pod.spec["containers"].array {
      guard let limit: Quantity = Self.storageLimit(container), let name: String = container["name"].string,
        let id: String = lifecycle.containerID(name)
      else { continue }
      let layer: Int64 = (try? await runtime.writableBytes(id)) ?? 0
      if layer + DiskUsage.of("\(directory)/\(name)") > limit.value {
        return .evicted("Container \(name) exceeded its local ephemeral storage limit \"\(limit)\".")
      }
    }
    return nil
  }
}
