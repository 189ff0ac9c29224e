import KubeClient
import KubeModel
import Logging
import Metrics
import Primitives

/// The shell around `ImageCollector`: looks at the disk every five minutes and removes what it says. Whatever cannot be found out
/// (which image sandboxes are made of, what workloads name) stops it: a standby that has lost its images is no standby.
actor ImageKeeper {
  private let runtime: any ContainerRuntime
  private let client: KubeClient
  private let clock: any TimeSource
  private let recorder: EventRecorder
  private let node: String
  private var collector: ImageCollector
  private let removed = Counter(label: "kubelet_image_garbage_collected_total")
  private let logger = Logger(label: "kubelet.images")

  init(
    runtime: any ContainerRuntime, client: KubeClient, clock: any TimeSource, recorder: EventRecorder, node: String,
    thresholds: ImageCollector.Thresholds
  ) {
    self.runtime = runtime
    self.client = client
    self.clock = clock
    self.recorder = recorder
    self.node = node
    collector = ImageCollector(thresholds: thresholds)
  }

  func run() async {
    while !Task.isCancelled {
      do {
        if let disk: ImageCollector.Disk = try await runtime.imageDisk() { try await collect(disk) }
      } catch {
        logger.warning("images were not looked at: \(error)")
      }
      try? await Task.sleep(for: KubeletLimits.imagesEvery)
    }
  }

  /// One look; the names of what was removed.
  @discardableResult
  func collect(_ disk: ImageCollector.Disk) async throws -> [String] {
    let images: [ImageFacts] = try await runtime.listImages()
    let used: Set<String> = Set(try await runtime.listContainers().flatMap { [$0.image, $0.imageReference] }.filter { !$0.isEmpty })
    collector.onSeen(images, used: used, now: clock.now())
    guard let bytes: Int64 = collector.wanted(disk), bytes > 0 else { return [] }
    guard let sandboxImage: String = try await runtime.sandboxImage() else {
      logger.warning("the disk is \(disk.usedPerCent) % full, but no image is removed: the runtime does not say what sandboxes are made of")
      return []
    }
    let kept: Set<String> = try await namedByWorkloads().union([sandboxImage])
    var freed: Int64 = 0
    var gone: [String] = []
    for image in collector.victims(images, bytes: bytes, used: used, kept: kept, now: clock.now()) {
      do {
        try await runtime.removeImage(image.id)
        freed += Int64(clamping: image.sizeBytes)
        gone.append(image.names.first ?? image.id)
        removed.increment()
      } catch {
        logger.warning("an image was not removed: \(error)", metadata: ["image": "\(image.names.first ?? image.id)"])
      }
    }
    logger.notice(
      "the disk of images is \(disk.usedPerCent) % full", metadata: ["removed": "\(gone.joined(separator: " "))", "freed": "\(freed)"])
    if freed < bytes {
      let message: String =
        "Failed to garbage collect required amount of images. Attempted to free \(bytes) bytes, but only found \(freed) bytes eligible to free."
      recorder.event(
        KubeObject(["apiVersion": "v1", "kind": "Node", "metadata": ["name": .string(node), "uid": .string(node)]]), .warning,
        reason: "FreeDiskSpaceFailed", message: message)
    }
    return gone
  }

  /// Images of everything in the cluster that may start here when another center is lost: of pods, Deployments and ReplicaSets, except
  /// those of the tier `cold`, which asks for nothing beforehand.
  private func namedByWorkloads() async throws -> Set<String> {
    var names: Set<String> = []
    for resource in [ResourceName.pods, .deployments, .replicaSets] {
      for object in try await client.list(resource).items {
        let isPod: Bool = resource == .pods
        let spec: JSONValue = isPod ? object.spec : object.spec["template"]["spec"]
        let tier: String? =
          object.annotations[PodBlueprint.tierAnnotation]
          ?? object.spec["template"]["metadata"]["annotations"].stringMap[PodBlueprint.tierAnnotation]
        if tier == "cold" || (!isPod && object.spec["replicas"].int == 0) { continue }
        names.formUnion((spec["initContainers"].array + spec["containers"].array).compactMap { $0["image"].string })
      }
    }
    return names
  }
}
