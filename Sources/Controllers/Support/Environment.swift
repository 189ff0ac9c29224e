import KubeClient
import KubeModel
import Primitives

/// What every controller stands on.
struct ControllerEnvironment: Sendable {
  let client: KubeClient
  let informers: SharedInformers
  let events: EventRecorder
  let clock: any TimeSource
  var runner: ActionRunner { ActionRunner(client: client, events: events) }
}
