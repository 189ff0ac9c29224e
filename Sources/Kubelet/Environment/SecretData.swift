import KubeModel
import Primitives

/// Values of Secrets' `data`.
enum SecretData {
  /// The value never appears in the message.
  static func decode(_ text: String, key: String, of object: KubeObject) throws -> Bytes {
    guard let bytes: Bytes = Base64.decode(text) else {
      throw KubeletError(.badConfiguration, "The value of key \(key) of \(object.key) is not base64.")
    }
    return bytes
  }
}
