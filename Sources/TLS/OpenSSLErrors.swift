import COpenSSL

/// OpenSSL keeps a queue of errors per thread. It is cleared before a call whose failure we will describe and drained after.
enum OpenSSLErrors {
  static func clear() { ERR_clear_error() }

  /// The oldest error, which is the cause, as a number; 0 if there is none.
  static func first() -> UInt { ERR_peek_error() }

  /// All reasons, oldest first, as libcrypto words them: "bad end line, PEM lib". Empties the queue.
  static func drain() -> String {
    var reasons: [String] = []
    while true {
      var data: UnsafePointer<CChar>?
      var flags: Int32 = 0
      let code: UInt = ERR_get_error_all(nil, nil, nil, &data, &flags)
      guard code != 0 else { break }
      var reason: String = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(String(code, radix: 16))"
      if flags & ERR_TXT_STRING != 0, let data, data.pointee != 0 { reason += " (\(String(cString: data)))" }
      if reasons.last != reason, reasons.count < 8 { reasons.append(reason) }
    }
    return reasons.isEmpty ? "no reason given" : reasons.joined(separator: ", ")
  }

  /// A fault of ours with the queue's reasons at its end.
  static func fault(_ code: TLSError.Code, _ sentence: String, file: String = #fileID, line: Int = #line) -> TLSError {
    TLSError(code, "\(sentence) OpenSSL says: \(drain()).", file: file, line: line)
  }
}
