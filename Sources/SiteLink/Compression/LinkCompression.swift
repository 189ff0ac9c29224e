/// Which links compress what they send. Each direction decides for itself; whoever receives understands both.
public enum LinkCompression: String, Sendable, CaseIterable {
  case always
  /// Links between cities: bandwidth is dear there and a round trip takes longer than compressing does.
  case far
  case never

  func applies(at distance: LinkDistance) -> Bool {
    switch self {
    case .always: true
    case .far: distance == .far
    case .never: false
    }
  }
}

/// How far a peer is from here.
public enum LinkDistance: String, Sendable, CaseIterable {
  case sameCenter, sameCity
  /// Another city, or another center and nobody said in which city either is.
  case far
}

extension LinkPeer {
  public func distance(to other: LinkPeer) -> LinkDistance {
    if center == other.center { return .sameCenter }
    return !city.isEmpty && city == other.city ? .sameCity : .far
  }
}
