import type { Rule } from '../engine/index.ts'

export const structuresKeysRules: readonly Rule[] = [
  {
    id: 'private-key-in-lines',
    title: 'Private key in lines of a patch, of code, of a log',
    vendor: 'PEM',
    source: 'https://www.rfc-editor.org/rfc/rfc7468#section-2',
    keywords: [
      ...['BEGIN RSA PRIVATE KEY', 'BEGIN PRIVATE KEY', 'BEGIN EC PRIVATE KEY', 'BEGIN DSA PRIVATE KEY'],
      ...['BEGIN OPENSSH PRIVATE KEY', 'BEGIN PGP PRIVATE KEY BLOCK', 'PRIVATE%20KEY--', 'PRIVATE+KEY--'],
    ],
    pattern: '',
    finder: 'pem-lines',
    reach: 8192,
    check: 'pem-lines',
    confidence: 'certain',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: [
        '+{pem-joined:rsa,\n+}',
        '# {pem-joined:ec,\n# }',
        '> {pem-joined:openssh,\n> }',
        '2026-01-01T00:00:00Z {pem-joined:pkcs8,\n2026-01-01T00:00:00Z }',
        '"{pem-joined:rsa,\\n" +\n  "}";',
        'key={pem-joined:dsa,%0A}&x=1',
      ],
      negative: [
        '# -----BEGIN RSA PRIVATE KEY-----\n# ...\n# -----END RSA PRIVATE KEY-----',
        '+-----BEGIN PRIVATE KEY-----\n+{base64:64}\n+{base64:64}\n+-----END PRIVATE KEY-----',
        '{pem:rsa}',
        "'(-----BEGIN OPENSSH PRIVATE KEY-----[^b]*b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ[A-Za-z0-9+/=]+)'",
        '# {pem-joined:encrypted,\n# }',
        "return text.startsWith('-----BEGIN EC PRIVATE KEY-----') ? readKey(text, theNextArgumentOfTheFunctionIsLong) : undefined",
      ],
    },
  },
  {
    id: 'pkcs12-base64',
    title: 'PKCS#12 key store in base64',
    vendor: 'PKCS#12',
    source: 'https://www.rfc-editor.org/rfc/rfc7292#section-4',
    keywords: ['IBAzCC'],
    pattern: '(?:^|[^A-Za-z0-9+/])(MII[A-Za-z0-9+/]{2}[AQgw]IBAzCC[A-Za-z0-9+/=\\\\\\s]{200,})',
    reach: 8192,
    confidence: 'possible',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: ['KEYSTORE=MIIK{alnum:1}QIBAzCC{base64:300}', 'p12: "MIIJ{alnum:1}AIBAzCC{base64:300}=="'],
      negative: ['MIIK{alnum:1}QIBAzCC{base64:50}', 'MIID{base64:300}'],
    },
  },
  {
    id: 'openvpn-static-key',
    title: 'OpenVPN static key (tls-auth, tls-crypt)',
    vendor: 'OpenVPN',
    source: 'https://build.openvpn.net/man/openvpn-2.6/openvpn.8.html',
    keywords: ['BEGIN OpenVPN Static key V1'],
    pattern: '(-----BEGIN OpenVPN Static key V1-----(?:[^0-9a-f]{1,24}[0-9a-f]{32}){16})',
    reach: 1024,
    confidence: 'certain',
    revoke: 'openvpn --genkey, and replace the key on the server and in the configuration of each client.',
    examples: {
      positive: [
        '<tls-auth>\n{openvpn-static}\n</tls-auth>',
        '+{openvpn-static:\n+}',
        'ta_key: "{openvpn-static:\\n}"',
      ],
      negative: [
        '-----BEGIN OpenVPN Static key V1-----\n...\n-----END OpenVPN Static key V1-----',
        '-----BEGIN OpenVPN Static key V1-----\n{hex:32}\n{hex:32}\n',
      ],
    },
  },
  {
    id: 'openvpn-tls-crypt-v2-key',
    title: 'OpenVPN key for tls-crypt-v2',
    vendor: 'OpenVPN',
    source: 'https://github.com/OpenVPN/openvpn/blob/master/doc/tls-crypt-v2.txt',
    keywords: ['BEGIN OpenVPN tls-crypt-v2'],
    pattern:
      '(-----BEGIN OpenVPN tls-crypt-v2 (?:client|server) key-----(?:[^A-Za-z0-9+/]|\\\\[nr]){1,24}[A-Za-z0-9+/]{60}[A-Za-z0-9+/=\\\\\\s]{60,})',
    reach: 2048,
    confidence: 'certain',
    entropy: 4,
    revoke: 'openvpn --genkey tls-crypt-v2-client; of a server its own key, and then those of all clients.',
    examples: {
      positive: [
        '-----BEGIN OpenVPN tls-crypt-v2 client key-----\n{base64:64}\n{base64:64}\n{base64:64}\n-----END OpenVPN tls-crypt-v2 client key-----',
        'key: "-----BEGIN OpenVPN tls-crypt-v2 server key-----\\n{base64:64}\\n{base64:64}\\n{base64:43}="',
      ],
      negative: [
        '-----BEGIN OpenVPN tls-crypt-v2 client key-----\n...',
        '-----BEGIN OpenVPN tls-crypt-v2 client key-----\n{base64:40}',
      ],
    },
  },
  {
    id: 'ssh2-private-key',
    title: 'SSH2 private key (ssh.com)',
    vendor: 'SSH',
    source: 'https://git.tartarus.org/?p=simon/putty.git;a=blob;f=import.c',
    keywords: ['BEGIN SSH2 ENCRYPTED PRIVATE KEY'],
    // It is called encrypted also where its cipher is none. The body begins with 3f6ff9eb.
    pattern:
      '(---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----[\\\\\\srn]{1,6}(?:[A-Z][A-Za-z-]{1,32}: [^\\r\\n]{0,200}[\\r\\n]{1,2}){0,4}P2/56w[A-Za-z0-9+/=\\\\\\s]{100,})',
    reach: 8192,
    confidence: 'likely',
    entropy: 4,
    connection: 'ssh',
    revoke: 'Remove its public key from each authorization file, and from accounts at Git hosts.',
    examples: {
      positive: [
        '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: "rsa-key"\nP2/56wAA{base64:62}\n{base64:70}\n{base64:40}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----',
        '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\r\nP2/56wAA{base64:62}\r\n{base64:70}\r\n',
      ],
      negative: [
        '---- BEGIN SSH2 PUBLIC KEY ----\nComment: "rsa-key"\nAAAAB3NzaC1yc2E{base64:200}',
        '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n...\n---- END SSH2 ENCRYPTED PRIVATE KEY ----',
      ],
    },
  },
  {
    id: 'age-secret-key',
    title: 'age secret key',
    vendor: 'age',
    source: 'https://c2sp.org/age',
    keywords: ['AGE-SECRET-KEY-'],
    pattern: '(?:^|[^A-Za-z0-9_-])(AGE-SECRET-KEY-(?:PQ-)?1[AC-HJ-NP-Z02-9]{58})(?:[^A-Za-z0-9_-]|$)',
    check: 'bech32',
    confidence: 'certain',
    distinct: true,
    revoke: 'Make another key, and encrypt again what was encrypted to this one.',
    examples: {
      positive: ['AGE-SECRET-KEY-1{BECH32:52}{age-sum}', 'SOPS_AGE_KEY=AGE-SECRET-KEY-1{BECH32:52}{age-sum}'],
      negative: ['AGE-SECRET-KEY-1...', 'AGE-SECRET-KEY-1{uppernum:20}', 'age1{lowernum:58}'],
    },
  },
  {
    id: 'minisign-secret-key',
    title: 'minisign secret key',
    vendor: 'minisign',
    source: 'https://jedisct1.github.io/minisign/',
    keywords: ['RWRTY0Iy', 'RWQAAEIy'],
    pattern: '(?:^|[^A-Za-z0-9+/])(RW(?:RTY0Iy|QAAEIy)[A-Za-z0-9+/]{203}=)(?:[^A-Za-z0-9+/=]|$)',
    confidence: 'likely',
    revoke: 'Make another key pair, and publish its public key.',
    examples: {
      positive: [
        'untrusted comment: minisign encrypted secret key\nRWRTY0Iy{base64:203}=',
        'MINISIGN_KEY=RWQAAEIy{base64:203}=',
      ],
      negative: ['RWQ{base64:53}', 'RWRTY0Iy{base64:40}='],
    },
  },
  {
    id: 'wireguard-private-key',
    title: 'WireGuard private or preshared key',
    vendor: 'WireGuard',
    source: 'https://man7.org/linux/man-pages/man8/wg.8.html',
    keywords: ['PrivateKey', 'PresharedKey'],
    pattern:
      '(?:PrivateKey|PresharedKey)[ \\t]{0,8}=[ \\t]{0,8}([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)(?:[^A-Za-z0-9+/=]|$)',
    confidence: 'certain',
    entropy: 4,
    revoke: 'wg genkey, and replace the public key at each peer.',
    examples: {
      positive: ['[Interface]\nPrivateKey = {base64:42}{A|E|c}=\n', 'PresharedKey={base64:42}{M|k|8}='],
      negative: ['PublicKey = {base64:42}A=', 'PrivateKey = <private key>', 'PrivateKey = {base64:20}='],
    },
  },
  {
    id: 'json-web-token',
    title: 'JSON web token',
    vendor: 'JWT',
    source: 'https://www.rfc-editor.org/rfc/rfc7519',
    keywords: ['eyJ'],
    pattern:
      '(?:^|[^A-Za-z0-9_.-])(eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{20,})(?:[^A-Za-z0-9_.-]|$)',
    reach: 4096,
    check: 'jwt',
    confidence: 'possible',
    allow: ['SflKxwRJSMeKKF2QT4fw', 'TJVA95OrM7E2cBab30RM'],
    connection: 'http',
    revoke: 'At whoever signed it; it ends by itself if it has an exp.',
    examples: {
      positive: ['Authorization: Bearer {jwt}', 'TOKEN={jwt}'],
      negative: ['eyJhbGciOiJIUzI1NiJ9', 'eyJ{base64url:20}.{base64url:20}', 'eyJ...'],
    },
  },
  {
    id: 'jwk-private-key',
    title: 'Private JSON web key',
    vendor: 'JWK',
    source: 'https://www.rfc-editor.org/rfc/rfc7518#section-6',
    keywords: ['"d"'],
    // As long as the private value is of P-256 and Ed25519, Ed448, P-384, P-521, and RSA of 1024 to 4096 bits.
    pattern:
      '"d"\\s{0,3}:\\s{0,3}"((?:[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{64}|[A-Za-z0-9_-]{76}|[A-Za-z0-9_-]{88}|[A-Za-z0-9_-]{171}|[A-Za-z0-9_-]{342}|[A-Za-z0-9_-]{512}|[A-Za-z0-9_-]{683}))"',
    reach: 720,
    confidence: 'likely',
    entropy: 4,
    revoke: 'Take the key out of the set, and make another.',
    examples: {
      positive: [
        '{{"kty":"EC","crv":"P-256","x":"{base64url:43}","y":"{base64url:43}","d":"{base64url:43}"}',
        '{{ "kty": "RSA", "n": "{base64url:342}", "e": "AQAB", "d": "{base64url:342}" }',
        '{{"d": "{base64url:683}", "e": "AQAB", "kty": "RSA"}',
      ],
      negative: [
        '{{"kty":"EC","crv":"P-256","x":"{base64url:43}","y":"{base64url:43}"}',
        '{{"d":"{base64url:50}"}',
        '{{"kty":"EC","d":"<private>"}',
        '{{"d":"M10 20L30 40H50V60C70 80 90 100 110 120z"}',
      ],
    },
  },
  {
    id: 'jwk-symmetric-key',
    title: 'Symmetric JSON web key',
    vendor: 'JWK',
    source: 'https://www.rfc-editor.org/rfc/rfc7518#section-6.4',
    keywords: ['"oct"'],
    pattern: '"kty"\\s{0,3}:\\s{0,3}"oct"[^{}]*"k"\\s{0,3}:\\s{0,3}"([A-Za-z0-9_-]{22,})"',
    confidence: 'certain',
    entropy: 2.7,
    allow: ['^AyM1SysPpbyDfgZld3um'],
    revoke: 'Take the key out of the set, and make another.',
    examples: {
      positive: [
        '{{"kty":"oct","alg":"HS256","k":"{base64url:43}"}',
        '{{ "kty": "oct", "k": "{base64url:86}" }',
      ],
      negative: ['{{"kty":"oct","k":"<key>"}', '{{"kty":"oct"},{{"k":"{base64url:43}"}'],
    },
  },
  {
    id: 'otpauth-url',
    title: 'One-time password seed (otpauth address)',
    vendor: 'OATH',
    source: 'https://github.com/google/google-authenticator/wiki/Key-Uri-Format',
    keywords: ['otpauth://'],
    pattern:
      'otpauth://[ht]otp/[^\\s"\'<>?]{1,160}\\?(?:[a-z]{1,20}=[^\\s"\'<>&]{0,100}&(?:amp;)?){0,8}secret=([A-Za-z2-7]{16,128})(?:[^A-Za-z0-9]|$)',
    confidence: 'certain',
    allow: ['^JBSWY3DPEHPK3PXP$', '^HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ$'],
    connection: 'http',
    revoke: 'Enrol the second factor again.',
    examples: {
      positive: [
        'otpauth://totp/Acme:joe?secret={upper:32}&issuer=Acme',
        '"otpauth://hotp/ops?issuer=Acme&secret={upper:26}&counter=1"',
      ],
      negative: [
        'otpauth://totp/Acme:joe?issuer=Acme',
        'otpauth://totp/Acme:joe?secret=<secret>',
        'otpauth://totp/a?secret=ABC',
      ],
    },
  },
]
