import KubeModel
import Primitives

/// What the shell is asked to do. Directives of one answer are independent of each other, except that `publish` of a final status
/// comes before `deleteObject`, which the shell keeps in order. Every directive but `publish`, `record`, `wake` and the
/// probe ones is answered by exactly one event.
public enum PodDirective: Hashable, Sendable {
  /// Answered by `onSandboxStarted` or `onSandboxFailed`.
  case startSandbox(attempt: UInt32)
  /// Stop and remove, containers included. Answered by `onSandboxesDiscarded`.
  case discardSandboxes([String])
  /// Pull if needed, create, start. Answered by `onContainerStarted` or `onContainerFailed`.
  case startContainer(name: String, attempt: UInt32)
  /// `preStop`, then SIGTERM, after `grace` SIGKILL. Answered by `onContainerStopped`. May be repeated with a shorter grace.
  case stopContainer(name: String, id: String, grace: Duration, reason: String)
  /// Containers of earlier attempts whose logs nobody needs any more. Not answered.
  case removeContainers([String])
  case startProbes(name: String, id: String)
  case stopProbes(name: String)
  /// The Pod's status as it should stand in the API.
  case publish(JSONValue)
  /// Remove the object with grace 0. Answered by `onDeleted` or `onDeleteFailed`.
  case deleteObject
  case record(PodEvent)
  /// Call `onWake` after this long at the latest.
  case wake(after: Duration)
  /// Nothing is left of the pod on this host; the worker ends.
  case finished
}

public struct PodEvent: Hashable, Sendable {
  /// `Normal` or `Warning`.
  public var type: String
  public var reason: String
  public var message: String
  /// The container that it is about.
  public var container: String?
  public static func normal(_ reason: String, _ message: String, container: String? = nil) -> Self {
    Self(type: "Normal", reason: reason, message: message, container: container)
  }
  public static func warning(_ reason: String, _ message: String, container: String? = nil) -> Self {
    Self(type: "Warning", reason: reason, message: message, container: container)
  }
}
