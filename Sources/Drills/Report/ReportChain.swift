import KubeClient
import KubeModel
import Primitives
import TLS

/// The federation's chain of reports: a ConfigMap that holds the number and the hash of the last one, moved on by compare-and-put, so that
/// two reports never have one number and none follows another twice.
public struct ReportChain: Sendable {
  static let namespace = "tricenter-system"
  static let name = "report-chain"

  let client: KubeClient
  public init(client: KubeClient) { self.client = client }

  public struct Head: Hashable, Sendable {
    public var sequence: Int64
    public var hash: String
  }

  public func head() async throws -> Head? {
    try await client.find(.configMaps, namespace: Self.namespace, name: Self.name).flatMap(Self.head)
  }

  private static func head(_ object: KubeObject) -> Head? {
    let data: [String: String] = object["data"].stringMap
    guard let sequence: Int64 = data["sequence"].flatMap({ Int64($0) }), let hash: String = data["hash"] else { return nil }
    return Head(sequence: sequence, hash: hash)
  }

  /// Gives the report the next number, signs it and makes it the head. A run has one report: asked again after a lost answer, it is the
  /// same.
  public func append(_ report: JSONValue, run: String, by identity: TLSIdentity) async throws -> JSONValue {
    try await retryOnConflict(attempts: 10) {
      let found: KubeObject? = try await client.find(.configMaps, namespace: Self.namespace, name: Self.name)
      if let found, found["data"]["run"].string == run, let head: Head = Self.head(found), head.hash == ReportSeal.hash(report) {
        return try ReportSeal.sealed(report, sequence: head.sequence, previous: found["data"]["previous"].string ?? "", by: identity)
      }
      let head: Head? = found.flatMap(Self.head)
      let (sequence, previous): (Int64, String) = ((head?.sequence ?? 0) + 1, head?.hash ?? "")
      let sealed: JSONValue = try ReportSeal.sealed(report, sequence: sequence, previous: previous, by: identity)
      var object: KubeObject =
        found
        ?? KubeObject([
          "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["namespace": .string(Self.namespace), "name": .string(Self.name)],
        ])
      object["data"] = [
        "sequence": .string(String(sequence)), "hash": sealed["seal"]["hash"], "previous": .string(previous), "run": .string(run),
      ]
      do {
        _ = try await found == nil ? client.create(.configMaps, object) : client.update(.configMaps, object)
      } catch let error as KubeError where error.code == .alreadyExists {
        throw KubeError(.conflict, error.message, cause: error)
      }
      return sealed
    }
  }
}
