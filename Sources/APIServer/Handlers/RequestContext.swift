import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives

/// One request on its way through the handlers.
struct RequestContext: Sendable {
  let request: ServerRequest
  let info: RequestInfo
  let user: UserInfo
  let form: OutputForm

  var userAgent: String { request.head.headerFields[.userAgent] ?? "" }
}
