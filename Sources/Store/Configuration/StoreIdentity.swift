import Primitives
import SiteLink

/// Ids that every host computes for itself from names, so that nobody has to hand them out.
public enum StoreIdentity {
  /// Of the member on `host` of a federation: the same at each start and on each host, never 0.
  public static func memberID(federation: String, host: HostName) -> MemberID { MemberID(hash("member", federation, host.value)) }

  /// Of a federation's store, never 0.
  public static func clusterID(federation: String) -> UInt64 { hash("cluster", federation) }

  /// What clients are told, in etcd's headers: another id in every epoch, so that they see that they talk to another cluster.
  public static func presentedCluster(_ clusterID: UInt64, epoch: LinkEpoch) -> UInt64 {
    epoch.number == 0 ? clusterID : hash("epoch", String(clusterID, radix: 16), "\(epoch.number)", String(epoch.mark, radix: 16))
  }

  /// Of a cluster that survivors found: from where it begins, when, and by whom it was ordered. Never 0.
  static func epochMark(epoch: UInt64, index: UInt64, term: UInt64, time: WallTime, by: String) -> UInt64 {
    hash("founding", "\(epoch)", "\(index)", "\(term)", "\(time.secondsSince1970)", "\(time.nanoseconds)", by)
  }

  /// Of a cluster that begins with a snapshot: no member of the cluster before takes part in it, whatever the two are called, and members
  /// that are restored from the same snapshot find each other.
  /// - Parameter snapshot: what tells snapshots apart: a checksum of all of it.
  public static func clusterID(federation: String, restoredFrom snapshot: UInt64) -> UInt64 {
    hash("restored", federation, String(snapshot, radix: 16))
  }

  /// Of a member that is added at run time: from where it is reached, and never one that is or was taken.
  static func addedMember(clusterID: UInt64, peerURLs: [String], taken: [MemberID]) -> MemberID {
    var attempt: Int = 0
    while true {
      let id = MemberID(hash("added", String(clusterID, radix: 16), peerURLs.sorted().joined(separator: ","), "\(attempt)"))
      if !taken.contains(id), id != MemberChange.openID { return id }
      attempt += 1
    }
  }

  /// FNV-1a (64 bits) over the parts with their lengths, mixed by SplitMix64's finalizer. Collisions within one federation are refused when
  /// the configuration is checked; nobody gains by finding one, since peers are known by their certificates.
  private static func hash(_ parts: String...) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for part in parts {
      for byte in withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian, Array.init) + Array(part.utf8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
      }
    }
    var mixed = SeededRandom(seed: value)
    let id: UInt64 = mixed.next()
    return id == 0 ? 1 : id
  }
}
