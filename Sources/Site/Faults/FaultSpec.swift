import Primitives

/// A fault as a runbook, a command or the lab names it: what, to whom, how much, and for how long without word. A value: whoever can do it
/// (`Drills.FaultInjector`, `Lab`) carries it out.
///
/// Every fault is a lease: it undoes itself when `lease` has passed since it was injected or last renewed.
public struct FaultSpec: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// A daemon of a host dies by SIGKILL and is not started again while the fault lasts. `daemon`: `center`, `node` or `containerd`.
    case killProcess = "kill-process"
    /// A daemon of a host stands still (SIGSTOP). `daemon` as above.
    case freezeProcess = "freeze-process"
    /// All processes of hosts, or of a whole center, stand still: to the others they are silent, to themselves time jumps.
    case freezeHost = "freeze-host"
    /// The power of hosts, or of a whole center, fails: every process ends at one instant.
    case powerOff = "power-off"
    /// Nothing passes on a line; one way or both.
    case cutLink = "cut-link"
    /// A line gets worse: `delay` (added, one way), `loss` (such as 2%), `bandwidth` (bits per second).
    case degradeLink = "degrade-link"
    /// A line that comes and goes: nothing passes in the first half of each `every`.
    case flapLink = "flap-link"
    /// The disk of a host's daemons has no byte left.
    case fullDisk = "full-disk"
    /// The disk of a host's daemons stands still for `stall` of every `every`.
    case slowDisk = "slow-disk"
    /// The disk of a host's daemons answers every read and write with an error (EIO).
    case failingDisk = "failing-disk"
    /// A host's daemon restarts where the monotonic clocks show `seconds` more than the machine's. `daemon` as above.
    case clockJump = "clock-jump"
    /// The certificate of a daemon has run out. `daemon`: a name of `tricenter pki` (`store`, `apiserver`, `kubelet`, …).
    case certificateExpired = "certificate-expired"
    /// Hosts get no answer from port 53 and give none.
    case dnsSilent = "dns-silent"
    /// What passes between centers to and from the port of the API takes `delay` longer each way. `port`: 6443 unless it is said.
    case apiLatency = "api-latency"
    /// A host's kubelet stands still, and so its Node becomes NotReady.
    case nodeNotReady = "node-not-ready"
    /// A host lacks `image`.
    case imageMissing = "image-missing"
    /// `hosts` hosts of a center lose their power, the last ones first; at least one stays.
    case capacityShort = "capacity-short"
  }

  public enum Target: Hashable, Sendable {
    case center(CenterName)
    case hosts([HostName])
    /// Two places: centers, or the lab's branch. `oneWay`: only what the first sends to the second.
    case line(String, String, oneWay: Bool)
  }

  public var kind: Kind
  public var target: Target
  /// By name, as written; what each kind takes is in `FaultParameters`.
  public var parameters: [String: String]
  public var lease: Duration

  public init(_ kind: Kind, _ target: Target, _ parameters: [String: String] = [:], lease: Duration) {
    self.kind = kind
    self.target = target
    self.parameters = parameters
    self.lease = lease
  }

  /// The hosts it is done to; empty for lines.
  public func hosts(_ site: Site) -> [HostName] {
    switch target {
    case .center(let center):
      let all: [HostName] = site.center(center)?.hosts.map(\.name) ?? []
      guard kind == .capacityShort else { return all }
      return Array(all.dropFirst().suffix(parameters["hosts"].flatMap { Int($0) } ?? 1))
    case .hosts(let hosts): return hosts
    case .line: return []
    }
  }
}

extension FaultSpec.Target: CustomStringConvertible {
  /// As people write it: `production`, `prod-1 prod-2`, `production <-> local-dr`, `production -> local-dr`.
  public var description: String {
    switch self {
    case .center(let center): center.value
    case .hosts(let hosts): hosts.map(\.value).joined(separator: " ")
    case .line(let from, let to, let oneWay): "\(from) \(oneWay ? "->" : "<->") \(to)"
    }
  }

  /// Reads what `description` writes; names are those of the site. nil: neither a line, nor a center, nor hosts.
  public init?(_ text: String, site: Site) {
    let words: [String] = text.split(whereSeparator: { $0 == " " || $0 == "," }).map(String.init)
    if words.count == 3, words[1] == "<->" || words[1] == "->" {
      self = .line(words[0], words[2], oneWay: words[1] == "->")
    } else if words.count == 1, site.center(CenterName(words[0])) != nil {
      self = .center(CenterName(words[0]))
    } else if !words.isEmpty, words.allSatisfy({ site.host(HostName($0)) != nil }) {
      self = .hosts(words.map { HostName($0) })
    } else {
      return nil
    }
  }
}

extension FaultSpec: CustomStringConvertible {
  public var description: String {
    let said: String = parameters.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    return "\(kind.rawValue) \(target)\(said)"
  }
}

/// A fault that was injected, as whoever injected it knows it again: also another process, after a crash.
public struct FaultHandle: Hashable, Sendable {
  public var id: String
  public var fault: FaultSpec
  /// What was done, in a sentence.
  public var sentence: String
  /// When it undoes itself unless it is renewed (monotonic time of the machine that holds it).
  public var until: MonotonicTime

  public init(id: String, fault: FaultSpec, sentence: String, until: MonotonicTime) {
    self.id = id
    self.fault = fault
    self.sentence = sentence
    self.until = until
  }
}
