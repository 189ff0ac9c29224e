import KubeModel

/// What is called at every change, one call at a time, in the store's order, after the cache shows it. Handlers run on the
/// informer's task: they put keys into queues and return; they never wait.
public struct InformerHandlers: Sendable {
  var onAdd: @Sendable (KubeObject) -> Void
  var onUpdate: @Sendable (_ old: KubeObject, _ new: KubeObject) -> Void
  var onDelete: @Sendable (KubeObject) -> Void

  public init(
    onAdd: @escaping @Sendable (KubeObject) -> Void = { _ in },
    onUpdate: @escaping @Sendable (_ old: KubeObject, _ new: KubeObject) -> Void = { _, _ in },
    onDelete: @escaping @Sendable (KubeObject) -> Void = { _ in }
  ) {
    self.onAdd = onAdd
    self.onUpdate = onUpdate
    self.onDelete = onDelete
  }

  /// The same for every kind of change: called with the object as it is now, or as it last was.
  public init(onChange: @escaping @Sendable (KubeObject) -> Void) {
    self.init(onAdd: onChange, onUpdate: { onChange($1) }, onDelete: onChange)
  }

  func tell(_ change: InformerStore.Change) {
    switch change {
    case .added(let object): onAdd(object)
    case .updated(let old, let new): onUpdate(old, new)
    case .deleted(let object): onDelete(object)
    }
  }
}
