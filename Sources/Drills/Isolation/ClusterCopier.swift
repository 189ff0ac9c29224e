import KubeModel
import NIOCore
import Primitives
import Site
import TLS

/// Makes fenced copies of a cluster beside the federation that serves: the lab on one machine.
public protocol ClusterCopier: Sendable {
  /// Branches the store off at a revision, from a live follower, and gives the copy's hosts power. Throws where it cannot be done; what
  /// was begun
  /// is taken away then.
  func make(_ order: CopyOrder, tell: @escaping @Sendable (String) -> Void) async throws -> ClusterCopy
  /// The copy that is there; nil without one.
  func find() async throws -> ClusterCopy?
  /// Its whole lease from now on. Throws when it has ended.
  func renew(_ lease: Duration) async throws
  /// Takes everything of it away. Returns what was done, in a sentence.
  func end() async throws -> String
  /// What was counted at its edge, and of it outside.
  func fence() async throws -> FenceCounts
  /// A hash over everything that the federation's store held at this revision, of every member that answers.
  func history(at revision: Int64) async throws -> [HostName: String]
  /// Keys that the federation's store wrote after this revision: how many, and those that hold one of these words.
  func keysWritten(after revision: Int64, holding words: [String]) async throws -> (all: Int, found: [String])
}

public struct CopyOrder: Sendable {
  /// Of the federation, one that stands by: its hosts are copied, and the cluster is failed over to it.
  public var center: CenterName
  /// Of the effect that makes it.
  public var key: String
  /// Bytes per second that the snapshot may take; 0: no limit.
  public var rate: Int
  /// The copy ends itself when it was not renewed for so long.
  public var lease: Duration
}

public struct ClusterCopy: Sendable {
  /// Where its store was branched off.
  public struct Origin: Hashable, Sendable {
    public var host: HostName
    public var revision: Int64
    public var bytes: Int
    public var took: Duration
    /// Of everything up to `revision`, as that member had it.
    public var hash: String
    public var active: CenterName
    public var epoch: Int64
    public init(host: HostName, revision: Int64, bytes: Int, took: Duration, hash: String, active: CenterName, epoch: Int64) {
      self.host = host
      self.revision = revision
      self.bytes = bytes
      self.took = took
      self.hash = hash
      self.active = active
      self.epoch = epoch
    }
  }

  /// The DNS zone of a copy's global names: below production's, whose servers therefore say that there is no such name.
  public static func zone(of site: Site) -> String { "copy.\(site.zone)" }

  public var key: String
  public var center: CenterName
  /// As the copy's daemons have it: names, addresses and zone are its own.
  public var site: Site
  /// Those that have power.
  public var hosts: [Host]
  public var range: IPRange
  public var origin: Origin
  /// From then on nobody renews the activation in the copy: the loss that is drilled.
  public var poweredAt: MonotonicTime
  public var tls: TLSContext
  /// Its threads live in the network of the copy's client: nothing that they open leads anywhere else.
  public var group: any EventLoopGroup
  /// A thread there that may block.
  public var names: any EventLoop

  public init(
    key: String, center: CenterName, site: Site, hosts: [Host], range: IPRange, origin: Origin, poweredAt: MonotonicTime, tls: TLSContext,
    group: any EventLoopGroup, names: any EventLoop
  ) {
    self.key = key
    self.center = center
    self.site = site
    self.hosts = hosts
    self.range = range
    self.origin = origin
    self.poweredAt = poweredAt
    self.tls = tls
    self.group = group
    self.names = names
  }
}

extension FenceCounts {
  /// Sentences about everything that came out or in.
  var leaks: [String] {
    var found: [String] = []
    if left != 0 { found.append("\(left) packets passed the fence") }
    if received != 0 { found.append("\(received) packets came out at the far end of the edge") }
    if entered != 0 { found.append("\(entered) packets came in") }
    if seenOutside != 0 { found.append("\(seenOutside) packets with an address of the copy were seen in the real network") }
    return found + foreignCables
  }

  var json: JSONValue {
    [
      "stopped_at_the_edge": .int(stopped), "within_the_copy": .int(within), "passed_the_fence": .int(left),
      "out_at_the_far_end": .int(received), "came_in": .int(entered), "seen_in_the_real_network": .int(seenOutside),
      "places_looked_at": .int(Int64(witnesses)), "cables_leading_out": .array(foreignCables.map { .string($0) }),
    ]
  }
}
