import HTTPTypes
import KubeModel
import NIOCore
import Primitives

extension FuzzTarget {
  /// What an API request carries besides JSON.
  public static var apiServer: [FuzzTarget] { [yaml, accepts, requestTargets, continueTokens, protobufBodies] }

  private static var yaml: FuzzTarget {
    let texts: [String] = [
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: 'y'}}\ndata:\n  key: |\n    text\n  n: 0x1F\n",
      "- 1\n- [a, b]\n- ~\n",
      "a: &x [1, 2]\nb: 3\n", "{\"a\": [1, 2.5, \"x\"]}",
    ]
    let words: [Bytes] = ["&a ", "*a", ": ", "- ", "[", "{", "? ", "|\n", "\n  ", "!!binary ", "<<: ", "%YAML", "---\n"].map { Bytes($0) }
    return FuzzTarget("yaml-bodies", corpus: texts.map { Bytes($0) }, words: words) { input throws(FuzzFinding) in
      guard let value: JSONValue = try? YAMLDocument.json(input.text) else { return false }
      guard (try? JSONValue.parse(value.serialized())) != nil else {
        throw FuzzFinding("it becomes no JSON: \(value.serialized().text.prefix(200))")
      }
      return true
    }
  }

  private static var accepts: FuzzTarget {
    let texts: [String] = [
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;q=0.5, */*",
      "application/com.github.proto-openapi.spec.v2@v1.0+protobuf, application/*",
      "text/html; a=\"b\" ; q=nan,*/*;q=1",
    ]
    return .whole("accept-fields", corpus: texts.map { Bytes($0) }, words: [";", ",", "=", "q=", " ", ";;", "; ;"].map { Bytes($0) }) {
      _ = try OutputForm.negotiate($0.text)
    }
  }

  private static var requestTargets: FuzzTarget {
    let texts: [String] = [
      "/api/v1/namespaces/shop/pods/web/log?follow=true&tailLines=5",
      "/apis/apps/v1/watch/namespaces/a/deployments?labelSelector=a%3Db&limit=%31",
      "/api/v1/namespaces/a/status", "/openapi/v3", "/",
    ]
    let words: [Bytes] = ["/", "//", "?", "&", "=", "%", "%2F", "%00", "watch", "namespaces", "/api", "/apis"].map { Bytes($0) }
    return FuzzTarget("api-request-targets", corpus: texts.map { Bytes($0) }, words: words) { input throws(FuzzFinding) in
      for method in [HTTPRequest.Method.get, .post, .patch, .delete] {
        let request = HTTPRequest(method: method, scheme: "https", authority: "a", path: input.text)
        guard let info = RequestInfo(request) else { return false }
        _ = info.podStream
        _ = try? info.query.integer("limit")
      }
      return true
    }
  }

  private static var continueTokens: FuzzTarget {
    let token: String = ContinueToken(revision: 7, after: Bytes("/registry/pods/a")).text
    return .whole("continue-tokens", corpus: [Bytes(token)], words: [Bytes("="), Bytes("-")]) { try ContinueToken($0.text) }
  }

  private static var protobufBodies: FuzzTarget {
    // runtime.Unknown of a Namespace: typeMeta, then raw with metadata.name.
    let meta: Bytes = [0x0A, 2] + Bytes("v1") + [0x12, 9] + Bytes("Namespace")
    let raw: Bytes = [0x0A, 6, 0x0A, 4] + Bytes("shop")
    let body: Bytes = [0x6B, 0x38, 0x73, 0, 0x0A, UInt8(meta.count)] + meta + [0x12, UInt8(raw.count)] + raw
    let podMeta: Bytes = [0x0A, 2] + Bytes("v1") + [0x12, 3] + Bytes("Pod")
    let container: Bytes = [0x12, 7, 0x0A, 1, 0x63, 0x12, 2, 0x69, 0x6A]
    let podRaw: Bytes = [0x0A, 3, 0x0A, 1, 0x61, 0x12, UInt8(container.count)] + container
    let pod: Bytes = [0x6B, 0x38, 0x73, 0, 0x0A, UInt8(podMeta.count)] + podMeta + [0x12, UInt8(podRaw.count)] + podRaw
    return FuzzTarget("kube-protobuf", corpus: [body, pod], words: [Bytes("Pod"), Bytes("v1")]) { input throws(FuzzFinding) in
      guard let value: JSONValue = try? ProtobufDocument.json(ByteBuffer(bytes: input)) else { return false }
      guard (try? JSONValue.parse(value.serialized())) != nil else {
        throw FuzzFinding("it becomes no JSON: \(value.serialized().text.prefix(200))")
      }
      return true
    }
  }
}
