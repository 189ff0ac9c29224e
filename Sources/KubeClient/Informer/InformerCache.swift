import KubeModel
import Synchronization

/// What an informer has seen, readable from anywhere. Objects are values: readers share them without copying.
public final class InformerCache: Sendable {
  private let store: Mutex<InformerStore>

  init(indexes: [InformerIndex]) { store = Mutex(InformerStore(indexes: indexes)) }

  /// By `namespace/name`, or `name` for objects of the cluster.
  public subscript(key: String) -> KubeObject? { store.withLock { $0.objects[key] } }
  public func get(namespace: String = "", name: String) -> KubeObject? {
    self[namespace.isEmpty ? name : "\(namespace)/\(name)"]
  }
  public var count: Int { store.withLock { $0.objects.count } }
  /// All objects in no order.
  public var all: [KubeObject] { store.withLock { Array($0.objects.values) } }
  public var keys: [String] { store.withLock { Array($0.objects.keys) } }
  public func inNamespace(_ namespace: String) -> [KubeObject] { indexed(.namespace, namespace) }

  /// The objects that `index` puts under `value`, in the order of their keys. The informer must have been given that index.
  public func indexed(_ index: InformerIndex, _ value: String) -> [KubeObject] {
    store.withLock { store in
      store.keys(index: index.name, value: value).sorted().compactMap { store.objects[$0] }
    }
  }

  func add(_ index: InformerIndex) { store.withLock { $0.add(index) } }
  func change(_ body: (inout InformerStore) -> [InformerStore.Change]) -> [InformerStore.Change] { store.withLock { body(&$0) } }
}
