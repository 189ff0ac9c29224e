import HTTP
import KubeModel
import NIOCore
import Primitives

/// The events of one watch, in the store's order. Pulled by one task: what is not asked for stays on the wire. Ends (nil)
/// when the server ends it, which it does after some minutes as a matter of course: watch again from the last revision seen.
public struct KubeWatch: AsyncSequence, Sendable {
  public typealias Element = KubeWatchEvent
  let body: any RequestBody
  let resource: ResourceName
  let what: String

  public func makeAsyncIterator() -> Iterator {
    Iterator(body: body, resource: resource, what: what)
  }

  public struct Iterator: AsyncIteratorProtocol {
    let body: any RequestBody
    let resource: ResourceName
    let what: String
    private var framer = LineFramer(limit: KubeClientLimits.eventBytes)
    private var ended: Bool = false

    init(body: any RequestBody, resource: ResourceName, what: String) {
      self.body = body
      self.resource = resource
      self.what = what
    }

    public mutating func next() async throws -> KubeWatchEvent? {
      try await next(isolation: nil)
    }

    public mutating func next(isolation actor: isolated (any Actor)?) async throws -> KubeWatchEvent? {
      while !ended {
        if let line: Bytes = try framer.next() {
          return try KubeWatchEvent(line: line, resource: resource, what: what)
        }
        do {
          guard let part: ByteBuffer = try await body.next() else {
            ended = true
            break
          }
          framer.append(part.readableBytesView)
        } catch {
          ended = true
          throw KubeError.of(transport: error, what: what)
        }
      }
      // Half an event at the end is a connection that broke, not a watch that ended.
      guard framer.unfinished == 0 else {
        let count: Int = framer.unfinished
        framer = LineFramer(limit: KubeClientLimits.eventBytes)
        throw KubeError(.connectionLost, "\(what): the stream ended inside an event, after \(count) bytes of it.")
      }
      return nil
    }
  }
}

extension KubeClient {
  /// Events after `resourceVersion`. Throws `.gone` when that revision was compacted away; the same may come later as an
  /// `.error` event.
  public func watch(
    _ resource: ResourceName, namespace: String = "", resourceVersion: String, labelSelector: String? = nil,
    fieldSelector: String? = nil, allowBookmarks: Bool = true
  ) async throws -> KubeWatch {
    try await watch(
      resource, namespace: namespace, resourceVersion: resourceVersion, labelSelector: labelSelector, fieldSelector: fieldSelector,
      allowBookmarks: allowBookmarks, timeoutSeconds: nil)
  }

  /// `timeoutSeconds`: how long the server shall let the watch run.
  public func watch(
    _ resource: ResourceName, namespace: String, resourceVersion: String, labelSelector: String?, fieldSelector: String?,
    allowBookmarks: Bool, timeoutSeconds: Int?
  ) async throws -> KubeWatch {
    let what: String = Self.what("watch", resource, namespace, "")
    var target = RequestTarget(path: resource.path(namespace: namespace))
    target.add("watch", "true")
    target.add("resourceVersion", resourceVersion)
    target.add("labelSelector", labelSelector)
    target.add("fieldSelector", fieldSelector)
    if allowBookmarks { target.add("allowWatchBookmarks", "true") }
    target.add("timeoutSeconds", timeoutSeconds.map { String($0) })
    let request = self.request(.get, target, contentType: nil)
    let transport: any HTTPTransport = transport
    let response: ClientResponse
    do {
      // The deadline is for the head only; the body lives as long as the watch.
      response = try await withDeadline(requestTimeout, what: what) { try await transport.execute(request, body: nil) }
      guard response.head.status.code == 200 else {
        let bytes: ByteBuffer = try await response.body.collect(upTo: KubeClientLimits.responseBytes)
        _ = try Self.document(response.head, bytes, what: what)
        throw KubeError(.malformedAnswer, "\(what): the server answered HTTP \(response.head.status.code) to a watch.")
      }
    } catch {
      throw KubeError.of(transport: error, what: what)
    }
    return KubeWatch(body: response.body, resource: resource, what: what)
  }
}
