import HTTP
import KubeModel
import Primitives

public enum KubeDomain: FaultDomain { public static let name = "kube" }
/// What every call of `KubeClient` throws, apart from `CancellationError` when its task was cancelled.
public typealias KubeError = Fault<KubeDomain>

/// Codes follow `metav1.StatusReason`:
/// https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go
extension Fault<KubeDomain>.Code {
  public static let notFound = Self("notFound")
  public static let alreadyExists = Self("alreadyExists")
  /// The object changed since it was read: read again, decide again, write again (`retryOnConflict`).
  public static let conflict = Self("conflict")
  public static let invalid = Self("invalid")
  public static let badRequest = Self("badRequest")
  public static let forbidden = Self("forbidden")
  public static let unauthorized = Self("unauthorized")
  /// The revision asked for was compacted away (410 Gone or Expired): list again.
  public static let gone = Self("gone")
  public static let methodNotAllowed = Self("methodNotAllowed")
  public static let unsupportedMediaType = Self("unsupportedMediaType")
  public static let tooManyRequests = Self("tooManyRequests")
  /// Nobody answered, or the server said that it cannot now. Nothing was changed by a call that ends so.
  public static let unavailable = Self("unavailable")
  /// No answer in time. A write may have been carried out.
  public static let timeout = Self("timeout")
  /// The connection broke while the call was under way. A write may have been carried out.
  public static let connectionLost = Self("connectionLost")
  public static let internalError = Self("internalError")
  /// What came back is no Kubernetes answer.
  public static let malformedAnswer = Self("malformedAnswer")
  /// A list, answer or event larger than `KubeClientLimits` allow.
  public static let tooLarge = Self("tooLarge")
  /// Another process leads, or the own term of leadership ended.
  public static let leadershipLost = Self("leadershipLost")
}

/// What a server said: the part of `metav1.Status` that callers decide by; the cause of a `KubeError` that a server sent.
public struct ServerStatus: Error, Hashable, Sendable, CustomStringConvertible {
  public var httpStatus: Int
  /// `AlreadyExists`, `Conflict`, `NotFound`, …; empty if the answer was no Status.
  public var reason: String
  public var message: String
  /// From `details.retryAfterSeconds` or the `Retry-After` field.
  public var retryAfterSeconds: Int64?
  /// `field: message` of every cause: what `Invalid` complains about.
  public var causes: [String]

  public var description: String {
    let told: String = retryAfterSeconds.map { ", retry after \($0) s" } ?? ""
    return "HTTP \(httpStatus)\(reason.isEmpty ? "" : " \(reason)")\(told)"
  }
}

extension Fault where Domain == KubeDomain {
  /// What the server answered; nil when there was no answer.
  public var status: ServerStatus? { cause as? ServerStatus }

  /// Trying the same call again later can succeed without anybody changing anything.
  public var isTransient: Bool {
    switch code {
    case .unavailable, .timeout, .connectionLost, .tooManyRequests, .internalError: true
    default: false
    }
  }

  /// From an answer that is no success. `what` says which call: "get pods shop/web".
  init(status httpStatus: Int, body: JSONValue, retryAfter: Int64?, what: String) {
    let isStatus: Bool = body["kind"].string == "Status"
    let status = ServerStatus(
      httpStatus: httpStatus, reason: isStatus ? body["reason"].string ?? "" : "", message: isStatus ? body["message"].string ?? "" : "",
      retryAfterSeconds: body["details"]["retryAfterSeconds"].int ?? retryAfter,
      causes: body["details"]["causes"].array.map { "\($0["field"].string ?? ""): \($0["message"].string ?? "")" })
    let said: String = status.message.isEmpty ? "the server answered HTTP \(httpStatus) without saying why" : status.message
    self.init(Self.code(httpStatus: httpStatus, reason: status.reason), "\(what): \(said)", cause: status)
  }

  private static func code(httpStatus: Int, reason: String) -> Code {
    switch reason {
    case "NotFound": return .notFound
    case "AlreadyExists": return .alreadyExists
    case "Conflict": return .conflict
    case "Invalid": return .invalid
    case "BadRequest": return .badRequest
    case "Forbidden": return .forbidden
    case "Unauthorized": return .unauthorized
    case "Gone", "Expired": return .gone
    case "MethodNotAllowed": return .methodNotAllowed
    case "UnsupportedMediaType": return .unsupportedMediaType
    case "TooManyRequests": return .tooManyRequests
    case "ServiceUnavailable", "ServerTimeout": return .unavailable
    case "Timeout": return .timeout
    case "InternalError": return .internalError
    case "RequestEntityTooLarge": return .tooLarge
    default: break
    }
    switch httpStatus {
    case 400: return .badRequest
    case 401: return .unauthorized
    case 403: return .forbidden
    case 404: return .notFound
    case 405: return .methodNotAllowed
    case 409: return .conflict
    case 410: return .gone
    case 413: return .tooLarge
    case 415: return .unsupportedMediaType
    case 422: return .invalid
    case 429: return .tooManyRequests
    case 502, 503: return .unavailable
    case 504: return .timeout
    case 500...: return .internalError
    default: return .malformedAnswer
    }
  }

  /// From a failure of the transport. Cancellation stays cancellation.
  static func of(transport error: any Error, what: String) -> any Error {
    if error is CancellationError || error is KubeError { return error }
    guard let error = error as? HTTPError else {
      return KubeError(.unavailable, "\(what): the request could not be sent.", cause: error)
    }
    switch error.code {
    case .cancelled:
      return Task.isCancelled ? CancellationError() : KubeError(.connectionLost, "\(what): the request was given up.", cause: error)
    case .connectFailed: return KubeError(.unavailable, "\(what): no apiserver could be reached.", cause: error)
    case .timeout: return KubeError(.timeout, "\(what): no answer in time.", cause: error)
    case .bodyTooLarge: return KubeError(.tooLarge, "\(what): \(error.message)", cause: error)
    case .tooManyRequests: return KubeError(.tooManyRequests, "\(what): \(error.message)", cause: error)
    default: return KubeError(.connectionLost, "\(what): the connection broke before the answer was complete.", cause: error)
    }
  }
}
