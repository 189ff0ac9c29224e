import Primitives

public enum LinkDomain: FaultDomain { public static let name = "sitelink" }
/// Why a connection between two members was refused or given up.
public typealias LinkError = Fault<LinkDomain>

extension Fault<LinkDomain>.Code {
  /// The listener's address cannot be used.
  public static let cannotListen = Self("cannotListen")
  /// Nobody answers at the peer's address. Tried again for as long as it is a peer.
  public static let cannotConnect = Self("cannotConnect")
  /// Not this protocol, or not a version of it that is spoken here.
  public static let notOurProtocol = Self("notOurProtocol")
  public static let wrongCluster = Self("wrongCluster")
  /// The member that dials is none of ours, or it dialled another one than us.
  public static let wrongMember = Self("wrongMember")
  /// The certificate does not belong to the member that shows it.
  public static let wrongCertificate = Self("wrongCertificate")
  /// The member that dials was one of ours and was removed for good.
  public static let removed = Self("removed")
  /// The member that dials is of an older epoch of the cluster: survivors of a lost majority went on without it.
  public static let superseded = Self("superseded")
  /// The member that dials is of another cluster of the same epoch: two groups of survivors were recovered without hearing of each other.
  public static let twoClusters = Self("twoClusters")
  public static let frameTooLarge = Self("frameTooLarge")
  /// A frame of a kind, class or order that the protocol does not have.
  public static let badFrame = Self("badFrame")
  /// No hello, or no pong, in time.
  public static let silent = Self("silent")
  /// The other side said no; its sentence is in ours.
  public static let refusedByPeer = Self("refusedByPeer")
}
