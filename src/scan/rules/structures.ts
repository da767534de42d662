import type { Rule } from '../engine/index.ts'

export const structuresRules: readonly Rule[] = [
  {
    id: 'pem-rsa-private-key',
    title: 'RSA private key (PKCS#1)',
    vendor: 'PEM',
    source: 'https://www.rfc-editor.org/rfc/rfc8017',
    keywords: ['BEGIN RSA PRIVATE KEY'],
    pattern:
      '(-----BEGIN RSA PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40}MII[A-Za-z0-9+/=\\\\\\s"\',]{56,}(?:-----END RSA PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'pem',
    confidence: 'certain',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: ['{pem:rsa}', '"key": "{pem-escaped:rsa}\\n"', 'KEY="{pem-crlf:rsa}"'],
      negative: [
        '-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----',
        '-----BEGIN RSA PRIVATE KEY-----\n<your key>\n-----END RSA PRIVATE KEY-----',
        "if (text.startsWith('-----BEGIN RSA PRIVATE KEY-----'))",
      ],
    },
  },
  {
    id: 'pem-private-key',
    title: 'Private key (PKCS#8)',
    vendor: 'PEM',
    source: 'https://www.rfc-editor.org/rfc/rfc7468#section-10',
    keywords: ['BEGIN PRIVATE KEY'],
    pattern:
      '(-----BEGIN PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40}M[A-Z][A-Za-z0-9+/=\\\\\\s"\',]{56,}(?:-----END PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'pem',
    confidence: 'certain',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: ['{pem:pkcs8}', '"key": "{pem-escaped:ed25519}\\n"', '{pem-crlf:ed25519}'],
      negative: [
        '-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----',
        '-----BEGIN PRIVATE KEY-----\n<your key>\n-----END PRIVATE KEY-----',
        "if (text.startsWith('-----BEGIN PRIVATE KEY-----'))",
      ],
    },
  },
  {
    id: 'pem-ec-private-key',
    title: 'Elliptic curve private key (SEC 1)',
    vendor: 'PEM',
    source: 'https://www.rfc-editor.org/rfc/rfc5915',
    keywords: ['BEGIN EC PRIVATE KEY'],
    pattern:
      '(-----BEGIN EC PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40}M[A-Z][A-Za-z0-9+/=\\\\\\s"\',]{56,}(?:-----END EC PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'pem',
    confidence: 'certain',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: ['{pem:ec}', '"key": "{pem-escaped:ec}\\n"', 'KEY="{pem-crlf:ec}"'],
      negative: [
        '-----BEGIN EC PRIVATE KEY-----\n...\n-----END EC PRIVATE KEY-----',
        '-----BEGIN EC PRIVATE KEY-----\n<your key>\n-----END EC PRIVATE KEY-----',
        "if (text.startsWith('-----BEGIN EC PRIVATE KEY-----'))",
      ],
    },
  },
  {
    id: 'pem-dsa-private-key',
    title: 'DSA private key',
    vendor: 'PEM',
    source: 'https://docs.openssl.org/master/man1/openssl-dsa/',
    keywords: ['BEGIN DSA PRIVATE KEY'],
    pattern:
      '(-----BEGIN DSA PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40}MII[A-Za-z0-9+/=\\\\\\s"\',]{56,}(?:-----END DSA PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'pem',
    confidence: 'certain',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: ['{pem:dsa}', '"key": "{pem-escaped:dsa}\\n"', 'KEY="{pem-crlf:dsa}"'],
      negative: [
        '-----BEGIN DSA PRIVATE KEY-----\n...\n-----END DSA PRIVATE KEY-----',
        '-----BEGIN DSA PRIVATE KEY-----\n<your key>\n-----END DSA PRIVATE KEY-----',
        "if (text.startsWith('-----BEGIN DSA PRIVATE KEY-----'))",
      ],
    },
  },
  {
    id: 'pem-encrypted-private-key',
    title: 'Private key under a passphrase (PKCS#8)',
    vendor: 'PEM',
    source: 'https://www.rfc-editor.org/rfc/rfc7468#section-11',
    keywords: ['BEGIN ENCRYPTED PRIVATE KEY'],
    pattern:
      '(-----BEGIN ENCRYPTED PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40}M[A-Z][A-Za-z0-9+/=\\\\\\s"\',]{56,}(?:-----END ENCRYPTED PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'pem',
    confidence: 'possible',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: ['{pem:encrypted}', '"key": "{pem-escaped:encrypted}\\n"', 'KEY="{pem-crlf:encrypted}"'],
      negative: [
        '-----BEGIN ENCRYPTED PRIVATE KEY-----\n...\n-----END ENCRYPTED PRIVATE KEY-----',
        '-----BEGIN ENCRYPTED PRIVATE KEY-----\n<your key>\n-----END ENCRYPTED PRIVATE KEY-----',
        "if (text.startsWith('-----BEGIN ENCRYPTED PRIVATE KEY-----'))",
      ],
    },
  },
  {
    id: 'pem-passphrase-private-key',
    title: 'Private key under a passphrase (OpenSSL, old form)',
    vendor: 'PEM',
    source: 'https://docs.openssl.org/master/man3/PEM_read_bio_PrivateKey/',
    keywords: ['4,ENCRYPTED'],
    pattern:
      '(-----BEGIN (?:RSA|EC|DSA) PRIVATE KEY-----(?:\\\\[rn]|\\s){1,6}Proc-Type: 4,ENCRYPTED(?:\\\\[rn]|\\s){1,6}DEK-Info: [A-Z0-9-]{4,24},[0-9A-F]{16,32}(?:\\\\[rn]|\\s){1,12}[A-Za-z0-9+/][A-Za-z0-9+/=\\\\\\s"\',]{56,}(?:-----END (?:RSA|EC|DSA) PRIVATE KEY-----)?)',
    reach: 8192,
    confidence: 'possible',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: [
        '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{HEX:32}\n\n{base64:64}\n{base64:64}\n-----END RSA PRIVATE KEY-----',
        '-----BEGIN EC PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: DES-EDE3-CBC,{HEX:16}\r\n\r\n{base64:64}\r\n{base64:64}',
      ],
      negative: [
        'Proc-Type: 4,ENCRYPTED',
        '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{HEX:32}\n\n...',
      ],
    },
  },
  {
    id: 'openssh-private-key',
    title: 'OpenSSH private key',
    vendor: 'OpenSSH',
    source: 'https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key',
    keywords: ['b3BlbnNzaC1rZXktdjEAAAAABG5vbmU'],
    pattern:
      '((?:-----BEGIN OPENSSH PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40})?b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ[A-Za-z0-9+/=\\\\\\s"\',]{100,}(?:-----END OPENSSH PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'openssh',
    confidence: 'certain',
    entropy: 4,
    connection: 'ssh',
    revoke: 'Remove its public key from each authorized_keys, and from accounts at Git hosts.',
    examples: {
      positive: ['{pem:openssh}', 'SSH_KEY="{pem-escaped:openssh}"'],
      negative: [
        '-----BEGIN OPENSSH PRIVATE KEY-----\n...\n-----END OPENSSH PRIVATE KEY-----',
        'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ',
        'b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0{base64:200}',
      ],
    },
  },
  {
    id: 'openssh-encrypted-private-key',
    title: 'OpenSSH private key under a passphrase',
    vendor: 'OpenSSH',
    source: 'https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key',
    keywords: ['b3BlbnNzaC1rZXktdjEAAAAACm', 'b3BlbnNzaC1rZXktdjEAAAAAFm'],
    pattern:
      '((?:-----BEGIN OPENSSH PRIVATE KEY-----[\\\\\\s"\'+rn]{0,40})?b3BlbnNzaC1rZXktdjEAAAAA[CF]m[A-Za-z0-9+/=\\\\\\s"\',]{150,}(?:-----END OPENSSH PRIVATE KEY-----)?)',
    reach: 8192,
    check: 'openssh',
    confidence: 'possible',
    entropy: 4,
    connection: 'ssh',
    revoke: 'Remove its public key from each authorized_keys, and from accounts at Git hosts.',
    examples: {
      positive: ['{pem:openssh-encrypted}', 'key: {pem-escaped:openssh-encrypted}'],
      negative: [
        'b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI',
        'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ{base64:200}',
      ],
    },
  },
  {
    id: 'pem-private-key-base64',
    title: 'PEM private key in base64',
    vendor: 'PEM',
    source: 'https://www.rfc-editor.org/rfc/rfc7468',
    keywords: [
      'LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt',
      'LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0t',
      'LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0t',
      'LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ',
    ],
    pattern:
      '(LS0tLS1CRUdJTi(?:BSU0EgUFJJVkFURSBLRVkt|BQUklWQVRFIEtFWS0t|BFQyBQUklWQVRFIEtFWS0t|BPUEVOU1NIIFBSSVZBVEUgS0VZ)[A-Za-z0-9+/=\\\\\\s]{120,})',
    reach: 8192,
    check: 'pem-in-base64',
    confidence: 'certain',
    entropy: 4,
    revoke:
      'Make a new key pair, replace the public key wherever it is trusted, and have certificates revoked.',
    examples: {
      positive: [
        'SSH_KEY_B64={pem-base64:openssh}',
        'TLS_KEY={pem-base64:pkcs8}',
        'tls.key: {pem-base64:rsa}',
      ],
      negative: [
        'client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tC{base64:300}',
        'LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t',
      ],
    },
  },
  {
    id: 'putty-private-key',
    title: 'PuTTY private key',
    vendor: 'PuTTY',
    source: 'https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html',
    keywords: ['PuTTY-User-Key-File-'],
    pattern:
      'PuTTY-User-Key-File-[23]: [a-z0-9@.-]{4,40}\\r?\\nEncryption: none\\r?\\nComment: [^\\r\\n]{0,200}\\r?\\nPublic-Lines: [0-9]{1,3}\\r?\\n[A-Za-z0-9+/=\\r\\n]{40,}Private-Lines: [0-9]{1,3}\\r?\\n([A-Za-z0-9+/=\\r\\n]{40,})',
    reach: 8192,
    confidence: 'certain',
    connection: 'ssh',
    revoke: 'Remove its public key from each authorized_keys.',
    examples: {
      positive: [
        'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: a@b\nPublic-Lines: 2\n{base64:64}\n{base64:16}\nPrivate-Lines: 1\n{base64:44}\nPrivate-MAC: {hex:64}',
        'PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\nComment: rsa-key\r\nPublic-Lines: 6\r\n{base64:64}\r\n{base64:64}\r\nPrivate-Lines: 14\r\n{base64:64}\r\n{base64:64}\r\n',
      ],
      negative: [
        'PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\nComment: x\nPublic-Lines: 6\n{base64:64}\nPrivate-Lines: 14\n{base64:64}',
        'PuTTY-User-Key-File-2: ssh-rsa',
      ],
    },
  },
  {
    id: 'pgp-private-key',
    title: 'PGP private key',
    vendor: 'OpenPGP',
    source: 'https://www.rfc-editor.org/rfc/rfc9580#section-6.2.1',
    keywords: ['BEGIN PGP PRIVATE KEY BLOCK'],
    pattern:
      '-----BEGIN PGP PRIVATE KEY BLOCK-----[\\\\\\srn]{0,8}(?:(?:Version|Comment|Charset): [^\\r\\n]{0,120}\\r?\\n){0,4}\\s{0,8}([lx][A-Za-z0-9+/=\\\\\\s]{100,})',
    reach: 8192,
    confidence: 'likely',
    entropy: 4,
    revoke: 'Publish the revocation certificate, and make another key.',
    examples: {
      positive: [
        '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ{alnum:62}\n{base64:64}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----',
        '-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nxc{alnum:62}\n{base64:64}\n',
      ],
      negative: [
        '-----BEGIN PGP PRIVATE KEY BLOCK-----\n...\n-----END PGP PRIVATE KEY BLOCK-----',
        '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ{base64:64}\n{base64:64}',
      ],
    },
  },
]
