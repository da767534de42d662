import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Verifier } from './case.ts'
import { askProgram, filesOf } from './program.ts'

const needsPromise = 'it takes no certificate without the promise of a log of certificates'

/** Sigstore's tool in Python. */
export const sigstorePython: Verifier = {
  name: 'sigstore-python',
  needs: ['sigstore'],
  isPeer: true,
  // What is bad besides having no promise shows nothing of it.
  knows: ({ format, by, isGood, isSlow }) =>
    format !== 'envelope' && by === 'certificate' && (isGood || isSlow !== true),
  otherwise: {
    'a statement by a certificate': needsPromise,
    'a file by a certificate': needsPromise,
    'a verification summary by a certificate': needsPromise,
    'mayfly verify --vsa: a verification summary': needsPromise,
    'a verification summary that says FAILED': 'it does not read what a summary says',
    'mayfly run: provenance of a file': needsPromise,
    'mayfly run: SHA256SUMS': needsPromise,
    'mayfly run: provenance, and the CA was revoked later': needsPromise,
    'the authority’s key was revoked before': 'it does not look at when an authority was trusted',
    'a name stands twice in the statement': 'of two of one name it takes the last',
  },
  verify(material, _one, folder) {
    const { bundle, artifact } = filesOf(material, folder)
    const { san, issuer } = material.identity
    const config = join(folder, 'trust-config.json')
    writeFileSync(config, JSON.stringify(trustConfigOf(material.trustedRoot)))
    const who = ['--cert-identity', san, '--cert-oidc-issuer', issuer]
    const args = ['--trust-config', config, 'verify', 'identity', '--bundle', bundle, ...who, artifact]
    return Promise.resolve(askProgram('sigstore', args, folder))
  },
}

function trustConfigOf(trustedRoot: string): unknown {
  const any = { selector: 'ANY' }
  return {
    mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
    trustedRoot: JSON.parse(trustedRoot) as unknown,
    signingConfig: {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      ...{ caUrls: [], oidcUrls: [], rekorTlogUrls: [], tsaUrls: [], rekorTlogConfig: any, tsaConfig: any },
    },
  }
}

const script = `
import hashlib, json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.v1 import statement, statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
line, pem, artifact = (open(name, 'rb').read() for name in sys.argv[1:])
envelope = Envelope.from_dict(json.loads(line))
key = SSlibKey.from_crypto(load_pem_public_key(pem))
# It goes by the ids of keys, and the envelope names none.
key.keyid = ''
envelope.verify([key], 1)
assert envelope.payload_type == 'application/vnd.in-toto+json'
said = json_format.Parse(envelope.payload, statement_pb2.Statement())
statement.Statement.copy_from_pb(said).validate()
digest = hashlib.sha256(artifact).hexdigest()
assert any(one.digest.get('sha256') == digest for one in said.subject), 'no subject has this digest'
print('verified')
`

/** in-toto's library: envelopes by securesystemslib, statements by in-toto-attestation. */
export const inToto: Verifier = {
  name: 'in-toto (Python)',
  needs: ['in-toto'],
  isPeer: true,
  knows: ({ format }) => format === 'envelope',
  otherwise: {},
  verify(material, _one, folder) {
    const { bundle, artifact, key = '' } = filesOf(material, folder)
    return Promise.resolve(askProgram('in-toto', ['-c', script, bundle, key, artifact], folder))
  },
}
