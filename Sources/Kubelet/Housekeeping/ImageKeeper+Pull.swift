import KubeClient
import KubeModel
import Logging

/// A standby center's hosts have the images of everything that may come to them, before it comes.
extension ImageKeeper {
  /// On the Node: names of images that workloads need and this host does not have, sorted, with a space between them. Empty: it has all of
  /// them. Not there: nobody has looked yet. The Node's status names 50 images only.
  static let missingAnnotation: String = "federation.tricenter.io/missing-images"

  func keepPulled() async {
    while !Task.isCancelled {
      do { try await look() } catch { logger.warning("images of workloads were not looked at: \(error)") }
      try? await Task.sleep(for: KubeletLimits.missingImagesEvery)
    }
  }

  /// One look. While the center is active its hosts pull what their pods need, when these start.
  func look() async throws {
    let wanted: [String: ImageUse] = try await namedByWorkloads()
    var lacking: [String] = try await missing(wanted)
    if pulls?() == true, !lacking.isEmpty {
      for image in lacking where !Task.isCancelled { await pull(image, wanted[image]) }
      lacking = try await missing(wanted)
    }
    let text: String = lacking.prefix(KubeletLimits.missingImages).joined(separator: " ")
    guard text != toldMissing else { return }
    _ = try await client.patch(.nodes, name: node, type: .merge, ["metadata": ["annotations": [Self.missingAnnotation: .string(text)]]])
    toldMissing = text
  }

  private func missing(_ wanted: [String: ImageUse]) async throws -> [String] {
    let present: Set<String> = Set(try await runtime.listImages().flatMap { [$0.id] + $0.names }.map { ImageName.full($0) })
    return wanted.keys.filter { !present.contains(ImageName.full($0)) }.sorted()
  }

  /// One after the other: a link between centers carries other things as well. What fails is told by the Node, and tried again.
  private func pull(_ image: String, _ use: ImageUse?) async {
    guard let use, use.mayPull else { return }
    var credentials: [RegistryCredentials?] = []
    for name in use.secrets {
      guard let secret: KubeObject = try? await references.secret(use.namespace, name) else { continue }
      credentials += RegistryCredentials.matching(image, in: secret)
    }
    let tries: [RegistryCredentials?] = Array(credentials.prefix(KubeletLimits.credentialsTried)) + [nil]
    for one in tries {
      do {
        try await runtime.pull(image, credentials: one, for: nil)
        return logger.info("pulled before it is needed", metadata: ["image": "\(image)"])
      } catch {
        logger.debug("an image was not pulled: \(error)", metadata: ["image": "\(image)"])
      }
    }
  }
}
