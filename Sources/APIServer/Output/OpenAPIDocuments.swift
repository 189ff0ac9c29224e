import KubeModel

struct OpenAPIDocuments: Sendable {
  func reply(_ info: RequestInfo, accept: String?) throws -> Reply { throw KubeStatus.unknownPath() }
}
