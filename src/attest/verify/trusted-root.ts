import { DerError } from '../../der/index.ts'
import { createHash } from 'node:crypto'
import { readCertificate } from './certificate.ts'
import { bytesIn, fieldsOf, listOf, textIn, windowIn, type Fields } from './fields.ts'
import { readJson } from './json.ts'
import { ed25519Of, joinTrust, keyOfSpki, sha256Hex } from './key.ts'
import type { Authority, CertificateLog, Log, Trust } from './model.ts'
import { Refusal } from './refusal.ts'

export const rootLimits = { bytes: 1_048_576, pieces: 50_000 } as const
const mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

/** Sigstore's trusted root, of its text or what JSON.parse made of it. Throws `Refusal`, which says what is wrong. */
export function parseTrustedRoot(json: unknown): Trust {
  const fields = fieldsOf(readJson(json, rootLimits), 'the trusted root')
  if (fields['mediaType'] !== mediaType)
    throw new Refusal('bad_root', `it is no trusted root of version 0.1 (${mediaType})`)
  const all = (name: string) =>
    listOf(fields[name] ?? [], name, 100).map((one) => fieldsOf(one, `one of ${name}`))
  return joinTrust({
    authorities: all('certificateAuthorities').map(authorityIn),
    timestampAuthorities: all('timestampAuthorities').map(authorityIn),
    // Logs of former versions sign with other keys; nothing that they hold is accepted here.
    logs: all('tlogs')
      .filter((one) => keyDetailsOf(one) === 'PKIX_ED25519')
      .map(logIn),
    certificateLogs: all('ctlogs').map(certificateLogIn),
    ...{ keys: [], revoked: [] },
  })
}

function authorityIn({ uri, certChain, validFor }: Fields): Authority {
  const { certificates } = fieldsOf(certChain, 'the chain of an authority')
  const chain = listOf(certificates, 'the chain of an authority', 8).map((one) => {
    const raw = bytesIn(fieldsOf(one, 'a certificate')['rawBytes'], 'a certificate', 16_384)
    try {
      return readCertificate(raw)
    } catch (cause) {
      if (!(cause instanceof DerError)) throw cause
      throw new Refusal('bad_root', `a certificate of the trusted root is refused: ${cause.message}`, {
        cause,
      })
    }
  })
  if (chain.length === 0)
    throw new Refusal('bad_root', 'the trusted root has an authority without certificates')
  return {
    uri: textIn(uri ?? '', 'the address of an authority'),
    chain,
    validFor: windowIn(validFor, 'the time of an authority'),
  }
}

function keyIn(log: Fields) {
  const { rawBytes, validFor } = fieldsOf(log['publicKey'], 'the key of a log')
  const { keyId } = fieldsOf(log['logId'], 'the id of a log')
  return {
    spki: bytesIn(rawBytes, 'the key of a log', 4096),
    id: bytesIn(keyId, 'the id of a log', 64),
    validFor: windowIn(validFor, 'the time of a log'),
  }
}

function keyDetailsOf(log: Fields): unknown {
  return fieldsOf(log['publicKey'], 'the key of a log')['keyDetails']
}

/** Its name is the host of its address; its id has to be the one of this name and key, or anybody could claim the name. */
function logIn(log: Fields): Log {
  const { spki, id, validFor } = keyIn(log)
  const { key, raw } = ed25519Of(spki)
  const name = hostOf(textIn(log['baseUrl'], 'the address of a log'))
  const right = createHash('sha256')
    .update(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(1), raw]))
    .digest()
  if (!right.equals(id))
    throw new Refusal('bad_root', `the id of the log ${name} is not the one of its name and key`)
  return { name, keyId: id, key, spkiSha256: sha256Hex(spki), validFor }
}

function hostOf(url: string): string {
  if (!URL.canParse(url)) throw new Refusal('bad_root', 'the address of a log is none')
  return new URL(url).hostname
}

function certificateLogIn(log: Fields): CertificateLog {
  const { spki, id, validFor } = keyIn(log)
  const { keyDetails } = fieldsOf(log['publicKey'], 'the key of a log')
  if (keyDetails !== 'PKIX_ECDSA_P256_SHA_256') return { logId: id, key: undefined, validFor }
  if (sha256Hex(spki) !== id.toString('hex'))
    throw new Refusal('bad_root', 'the id of a log of certificates is not the one of its key')
  return { logId: id, key: keyOfSpki(spki).key, validFor }
}
