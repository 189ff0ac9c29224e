/// Who is where: as the lab has it, 2-2-1.
public enum TortureLayout {
  public static let centers: [String] = ["production", "local-dr", "remote-dr"]
  public static let members: [(name: String, center: Int)] = [("prod-1", 0), ("prod-2", 0), ("ldr-1", 1), ("ldr-2", 1), ("rdr-1", 2)]

  static func members(of center: Int) -> [Int] { members.indices.filter { members[$0].center == center } }

  /// One way, in milliseconds, of the lines of the site.
  static func delay(_ from: Int, _ to: Int) -> Int { from == to ? 0 : max(from, to) == 2 ? 15 : 1 }

  /// The site file of the members.
  public static let siteText = """
    federation: torture
    zone: tricenter.test
    cities: [east, west]
    centers:
      - name: production
        role: production
        city: east
        network: 10.71.0.0/24
        hosts:
          - { name: prod-1, address: 10.71.0.11, pods: 10.171.1.0/24 }
          - { name: prod-2, address: 10.71.0.12, pods: 10.171.2.0/24 }
      - name: local-dr
        role: local-dr
        city: east
        network: 10.72.0.0/24
        hosts:
          - { name: ldr-1, address: 10.72.0.11, pods: 10.172.1.0/24 }
          - { name: ldr-2, address: 10.72.0.12, pods: 10.172.2.0/24 }
      - name: remote-dr
        role: remote-dr
        city: west
        network: 10.73.0.0/24
        hosts:
          - { name: rdr-1, address: 10.73.0.11, pods: 10.173.1.0/24 }
    links:
      - { between: [production, local-dr], roundTrip: 2ms }
      - { between: [production, remote-dr], roundTrip: 30ms }
      - { between: [local-dr, remote-dr], roundTrip: 30ms }
      - { between: [branch, production], roundTrip: 4ms }
      - { between: [branch, local-dr], roundTrip: 4ms }
      - { between: [branch, remote-dr], roundTrip: 30ms }
    clusters:
      - name: bank
        services: 10.196.0.0/16
        domain: cluster.local
        nodePorts: 30000-32767
        centers: [production, local-dr, remote-dr]
        failover: { automaticTo: [local-dr] }
    activation: { lease: 3s, renewEvery: 250ms, margin: 500ms }
    lab:
      branch: { name: branch, network: 10.79.0.0/24, address: 10.79.0.11 }

    """
}
