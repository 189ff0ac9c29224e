import KubeClient
import KubeModel
import Logging
import Metrics
import Primitives

/// The shell around `ImageCollector`: looks at the disk every five minutes and removes what it says. Whatever cannot be found out
/// (which image sandboxes are made of, what workloads name) stops it: a standby that has lost its images is no standby. In a standby
/// center it also pulls what workloads name and this host lacks, and says on the Node what it could not get (`ImageKeeper+Pull`).
actor ImageKeeper {
  let runtime: any ContainerRuntime
  let client: KubeClient
  let references: any ReferenceSource
  private let clock: any TimeSource
  private let recorder: EventRecorder
  let node: String
  /// Whether this host gets images before anybody needs them; nil never.
  let pulls: (@Sendable () -> Bool)?
  /// What the Node says is missing; nil until it was told.
  var toldMissing: String?
  private var collector: ImageCollector
  private let removed = Counter(label: "kubelet_image_garbage_collected_total")
  let logger = Logger(label: "kubelet.images")

  init(
    runtime: any ContainerRuntime, client: KubeClient, references: any ReferenceSource, clock: any TimeSource, recorder: EventRecorder,
    node: String, pulls: (@Sendable () -> Bool)? = nil, thresholds: ImageCollector.Thresholds
  ) {
    self.references = references
    self.pulls = pulls
    self.runtime = runtime
    self.client = client
    self.clock = clock
    self.recorder = recorder
    self.node = node
    collector = ImageCollector(thresholds: thresholds)
  }

  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.keepDisk() }
      if pulls != nil { group.addTask { await self.keepPulled() } }
    }
  }

  private func keepDisk() async {
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
    let kept: Set<String> = Set(try await namedByWorkloads().keys).union([sandboxImage])
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
  func namedByWorkloads() async throws -> [String: ImageUse] {
    var names: [String: ImageUse] = [:]
    for resource in [ResourceName.pods, .deployments, .replicaSets] {
      for object in try await client.list(resource).items {
        let isPod: Bool = resource == .pods
        let spec: JSONValue = isPod ? object.spec : object.spec["template"]["spec"]
        let tier: WorkloadTier? = isPod ? WorkloadTier(object) : .named(byWorkload: object)
        // A workload that says nothing may be cold by its namespace: keeping too much does no harm.
        if tier?.keepsImages == false || (!isPod && object.spec["replicas"].int == 0) { continue }
        let secrets: [String] = spec["imagePullSecrets"].array.compactMap { $0["name"].string }
        for container in spec["initContainers"].array + spec["containers"].array {
          guard let image: String = container["image"].string, !image.isEmpty else { continue }
          let mayPull: Bool = container["imagePullPolicy"].string != "Never"
          if names[image]?.mayPull != true { names[image] = ImageUse(namespace: object.namespace, secrets: secrets, mayPull: mayPull) }
        }
      }
    }
    return names
  }
}

/// Who names an image, and by which Secrets it is pulled.
struct ImageUse: Hashable, Sendable {
  var namespace: String
  var secrets: [String]
  /// False where every container that names it says `imagePullPolicy: Never`.
  var mayPull: Bool
}
