/** The user and the password that a URL may have. */

/** The user and the password of a URL as a value of `Authorization` (RFC 7617, section 2). */
export function basicAuthorization({ username, password }: URL): string {
  return `Basic ${btoa(`${percentDecode(username)}:${percentDecode(password)}`)}`;
}

/** Undoes percent-encoding, to one character for each byte; what is not encoded stays as it is. */
export function percentDecode(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}
