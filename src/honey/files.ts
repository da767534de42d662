import type { HoneyFileKind, HoneyTokenKind } from '../config/index.ts'
import { derive } from './core.ts'
import { formats, sshSeed, type FormatName } from './formats.ts'
import { openSshKey } from './ssh-key.ts'

/** What is written at one place, and what in it is secret. */
export interface Written {
  readonly text: string
  readonly secrets: readonly string[]
}

interface Making {
  readonly seed: Buffer
  readonly core: Buffer
  readonly host: string
}

const token = ({ seed, core }: Making, format: FormatName) => formats[format].make(seed, core)

/**
 * As their tools write them, for a host that nobody needs, or under a name that is not the default: the step's own tools have no use for
 * any of it.
 */
const files: Readonly<Record<HoneyFileKind, (making: Making) => Written>> = {
  aws(making) {
    const [id, secret] = [token(making, 'aws-id'), token(making, 'aws-secret')]
    const text = `[production-deploy]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\nregion = us-east-1\n`
    return { text, secrets: [id, secret] }
  },
  netrc(making) {
    const password = token(making, 'gitlab')
    return { text: `machine ${making.host} login deploy password ${password}\n`, secrets: [password] }
  },
  npm(making) {
    const auth = token(making, 'npm')
    return { text: `//${making.host}/:_authToken=${auth}\n`, secrets: [auth] }
  },
  docker(making) {
    const password = token(making, 'docker')
    const auth = Buffer.from(`deploy:${password}`).toString('base64')
    const text = `${JSON.stringify({ auths: { [making.host]: { auth } } }, null, '\t')}\n`
    return { text, secrets: [password, auth] }
  },
  kubernetes(making) {
    const jwt = serviceAccountToken(making)
    return { text: kubeconfig(making.host, jwt), secrets: [jwt] }
  },
  ssh({ seed, core, host }) {
    const text = openSshKey(sshSeed.make(seed, core), `deploy@${host}`)
    return { text, secrets: text.split('\n').filter((line) => line !== '' && !line.startsWith('-----')) }
  },
  git(making) {
    const password = token(making, 'gitlab')
    return { text: `https://deploy:${password}@${making.host}\n`, secrets: [password] }
  },
}

export function writeFile(kind: HoneyFileKind, making: Making): Written {
  return files[kind](making)
}

export function writeVariable(kind: HoneyTokenKind, making: Making): Written {
  const text = token(making, kind)
  return { text, secrets: [text] }
}

/** No current context: kubectl does what it does without a file, until somebody names one. */
function kubeconfig(host: string, jwt: string): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: production
  cluster:
    server: https://${host}:6443
users:
- name: deployer
  user:
    token: ${jwt}
contexts:
- name: production
  context:
    cluster: production
    user: deployer
`
}

/** A service account's token in form; its signature is none. */
function serviceAccountToken(making: Making): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const uid = derive(making.seed, 'uid', making.core, 16).toString('hex')
  const header = { alg: 'RS256', kid: derive(making.seed, 'kid', making.host, 32).toString('base64url') }
  const claims = {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': 'production',
    'kubernetes.io/serviceaccount/secret.name': 'deployer-token',
    'kubernetes.io/serviceaccount/service-account.name': 'deployer',
    'kubernetes.io/serviceaccount/service-account.uid': `${uid.slice(0, 8)}-${uid.slice(8, 12)}-4${uid.slice(13, 16)}-8${uid.slice(17, 20)}-${uid.slice(20)}`,
    sub: 'system:serviceaccount:production:deployer',
  }
  return `${encode(header)}.${encode(claims)}.${token(making, 'jwt')}`
}
