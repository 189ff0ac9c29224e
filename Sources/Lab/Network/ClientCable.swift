import Primitives
import Processes

extension Lab {
  /// Gives this process' network a cable of its own to every center, beside the lines between them: what is cut or slow there is not cut or
  /// slow for clients here. Call it once, after `bringUpNetwork`, in a machine of one's own: the interface ends with that machine.
  public func attachClients() async throws {
    try await Command(
      ["ip", "-batch", "-"],
      input: Bytes(
        """
        link add clients type veth peer name clients0 netns \(LabNetwork.wideArea)
        addr add 10.78.0.1/24 dev clients
        link set clients up
        route add 10.64.0.0/10 via 10.78.0.254

        """)
    ).run()
    try await Command(
      ["ip", "-n", LabNetwork.wideArea, "-batch", "-"],
      input: Bytes(
        """
        addr add 10.78.0.254/24 dev clients0
        link set clients0 up
        rule add pref 50 to 10.78.0.0/24 lookup main

        """)
    ).run()
  }
}
