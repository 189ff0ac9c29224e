import APIServer
import HTTP
import KubeClient
import NIOPosix
import Primitives
import TLS

/// As whom a daemon speaks to the API: a user in process, the daemon's certificate over HTTPS (or whoever a kubeconfig names).
enum APIUser: Sendable {
  case observer, federation, controllerManager, scheduler, dns, console, kubelet, proxy, ingress

  var name: String {
    switch self {
    case .observer: "system:serviceaccount:tricenter-system:observer"
    case .federation: "tricenter:federation"
    case .controllerManager: "system:kube-controller-manager"
    case .scheduler: "system:kube-scheduler"
    case .dns: "tricenter:dns"
    case .console: "tricenter:console"
    case .kubelet: "kubelet"
    case .proxy: "proxy"
    case .ingress: "tricenter:ingress"
    }
  }

  /// What stands in `metadata.managedFields`.
  var fieldManager: String { name.split(separator: ":").last.map(String.init) ?? name }
}

/// How the daemons of a process reach the API. Every call gives a client with connections of its own: a busy informer must not delay
/// who reads the activation.
struct APIAccess: Sendable {
  let client: @Sendable (APIUser) throws -> KubeClient

  /// In the same process, without a socket in between.
  static func inProcess(_ api: APIServer) -> APIAccess {
    APIAccess { user in
      let peer = PeerIdentity(commonName: user.name, organizations: ["system:masters"])
      return KubeClient(transport: InProcessTransport(responder: api, peer: peer), fieldManager: user.fieldManager)
    }
  }

  /// Over HTTPS to this host's apiserver, its center's, then the others'.
  static func remote(_ setting: HostSetting, certificate: PKIDaemon, group: MultiThreadedEventLoopGroup) -> APIAccess {
    APIAccess { user in
      // The node's report of its epoch is the federation's, in whichever process it is made.
      let shown: PKIDaemon = user == .federation ? .federation : certificate
      return KubeClient(transport: try setting.apiTransport(shown, group: group), fieldManager: user.fieldManager)
    }
  }

  /// To the server and as the user that a kubeconfig names.
  static func kubeconfig(_ file: KubeconfigFile, group: MultiThreadedEventLoopGroup) throws -> APIAccess {
    let tls: TLSContext = try file.clientTLS()
    return APIAccess { user in
      var configuration = HTTPClientConfiguration(targets: [.host(file.host, port: file.port)], tls: tls, group: group)
      configuration.serverName = file.serverName
      configuration.noticesDeadServersQuickly()
      return KubeClient(transport: HTTPClient(configuration), fieldManager: user.fieldManager)
    }
  }
}

extension HTTPClientConfiguration {
  /// Within a second, so that a daemon goes on with another apiserver before anybody misses it.
  mutating func noticesDeadServersQuickly() {
    connectTimeout = .milliseconds(500)
    keepAliveInterval = .milliseconds(300)
    keepAliveTimeout = .milliseconds(600)
  }
}
