import type { Verifier } from './case.ts'
import { askProgram, filesOf } from './program.ts'

const rebuilt =
  'it makes the entry anew from the rest of the bundle, and does not look at what the bundle says of it'
const byRebuilding = {
  'a flipped bit in the log entry': rebuilt,
  'its entry is called one of a former kind': rebuilt,
  'a verification summary that says FAILED':
    'it does not read what a summary says, which is left to its caller',
}

/** Sigstore's tool for people; by a trusted root of our own, and without promises of a log of certificates, which we have none of. */
export const cosign: Verifier = {
  name: 'cosign',
  needs: ['cosign'],
  isPeer: true,
  knows: ({ format }) => format !== 'envelope',
  otherwise: byRebuilding,
  verify(material, { format }, folder) {
    const { bundle, root, artifact, key } = filesOf(material, folder)
    const { san, issuer } = material.identity
    const who =
      key === undefined
        ? [
            ...['--certificate-identity', san, '--certificate-oidc-issuer', issuer],
            ...(material.isPromised ? [] : ['--insecure-ignore-sct']),
          ]
        : ['--key', key]
    const what =
      format === 'file'
        ? ['verify-blob']
        : ['verify-blob-attestation', '--type', material.predicateType ?? 'slsaprovenance1']
    const args = [...what, '--bundle', bundle, '--trusted-root', root, ...who, artifact]
    return Promise.resolve(askProgram('cosign', args, folder))
  },
}

/** The library that cosign and gh are built on, by its own example of a program. */
export const sigstoreGo: Verifier = {
  name: 'sigstore-go',
  needs: ['sigstore-go-verification'],
  isPeer: true,
  knows: ({ format }) => format !== 'envelope',
  otherwise: byRebuilding,
  verify(material, _one, folder) {
    const { bundle, root, artifact, key } = filesOf(material, folder)
    const { san, issuer } = material.identity
    const who =
      key === undefined
        ? ['-expectedSAN', san, '-expectedIssuer', issuer, `-requireCTlog=${material.isPromised}`]
        : ['-publicKey', key, '-requireCTlog=false']
    const args = [...who, '-trustedrootJSONpath', root, '-artifact', artifact, bundle]
    return Promise.resolve(askProgram('sigstore-go-verification', args, folder))
  },
}
