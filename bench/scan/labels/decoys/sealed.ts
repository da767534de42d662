import { createPublicKey } from 'node:crypto'
import type { FileKind } from '../kind.ts'
import { bech32 } from '../structured/bech32.ts'
import { certificate } from '../structured/keys.ts'
import { armour, openSshPublic, p256Key } from '../structured/private-keys.ts'
import { companies, people, services } from '../words.ts'
import { decoyKinds, list, type Row } from './decoy.ts'

/** Keys that are public, values that are encrypted, and references to what stands elsewhere. */
const rows: readonly Row[] = [
  [
    'assembly-token',
    (random, decoy) => ({
      path: 'app.config',
      text: `<dependentAssembly>\n  <assemblyIdentity name="System.${random.pick(['Net.Http', 'Text.Json', 'Memory'])}" publicKeyToken="${decoy(random.hex(16))}" culture="neutral" />\n</dependentAssembly>\n`,
    }),
  ],
  [
    'public-ssh-key',
    (random, decoy) => ({
      path: 'home/.ssh/authorized_keys',
      text: `${decoy(openSshPublic(random))} ${random.pick(people)}@laptop\n`,
    }),
  ],
  [
    'known-hosts',
    (random, decoy) => ({
      path: 'home/.ssh/known_hosts',
      text: `|1|${decoy(random.bytes(20).toString('base64'))}|${decoy(random.bytes(20).toString('base64'))} ${decoy(openSshPublic(random))}\n`,
    }),
  ],
  [
    'public-pem',
    (random, decoy) => ({
      path: `certs/${random.pick(services)}.pub.pem`,
      text: `${decoy(createPublicKey(p256Key(random)).export({ type: 'spki', format: 'pem' }).trimEnd())}\n`,
    }),
  ],
  [
    'certificate-pem',
    (random, decoy) => ({
      path: `certs/${random.pick(services)}.crt`,
      text: `${decoy(certificate(random))}\n`,
    }),
  ],
  [
    'certificate-request',
    (random, decoy) => ({
      path: `certs/${random.pick(services)}.csr`,
      text: `${decoy(armour('CERTIFICATE REQUEST', random.bytes(600)))}\n`,
    }),
  ],
  [
    'pgp-public',
    (random, decoy) => ({
      path: 'KEYS',
      text: `${decoy(armour('PGP PUBLIC KEY BLOCK', random.bytes(500)))}\n`,
    }),
  ],
  [
    'pgp-signature',
    (random, decoy) => ({
      path: 'release.tar.gz.asc',
      text: `${decoy(armour('PGP SIGNATURE', random.bytes(120)))}\n`,
    }),
  ],
  [
    'age-recipient',
    (random, decoy) => ({
      path: '.sops.yaml',
      text: `creation_rules:\n  - age: ${decoy(bech32('age', random.bytes(32)))}\n    pgp: ${decoy(random.text('0123456789ABCDEF', 40))}\n`,
    }),
  ],
  [
    'age-ciphertext',
    (random, decoy) => ({
      path: `secrets/${random.pick(services)}.age`,
      text: `${decoy(armour('AGE ENCRYPTED FILE', random.bytes(300)))}\n`,
    }),
  ],
  [
    'ansible-vault',
    (random, decoy) => ({
      path: 'group_vars/all/vault.yml',
      text: `db_password: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n${list(4, () => `          ${decoy(random.hex(80))}`)}\n`,
    }),
  ],
  [
    'sealed-secret',
    (random, decoy) => ({
      path: `k8s/${random.pick(services)}-sealed.yaml`,
      text: `apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password: ${decoy(`AgB${random.bytes(300).toString('base64')}`)}\n    token: ${decoy(`AgB${random.bytes(300).toString('base64')}`)}\n`,
    }),
  ],
  [
    'sops-file',
    (random, decoy) => ({
      path: `secrets/${random.pick(services)}.enc.yaml`,
      text: `password: ${decoy(`ENC[AES256_GCM,data:${random.bytes(16).toString('base64')},iv:${random.bytes(32).toString('base64')},tag:${random.bytes(16).toString('base64')},type:str]`)}\nsops:\n  mac: ${decoy(`ENC[AES256_GCM,data:${random.bytes(64).toString('base64')},iv:${random.bytes(32).toString('base64')},tag:${random.bytes(16).toString('base64')},type:str]`)}\n`,
    }),
  ],
  [
    'rails-credentials',
    (random, decoy) => ({
      path: 'config/credentials.yml.enc',
      text: `${decoy(`${random.bytes(200).toString('base64')}--${random.bytes(12).toString('base64')}--${random.bytes(16).toString('base64')}`)}\n`,
    }),
  ],
  [
    'travis-secure',
    (random, decoy) => ({
      path: '.travis.yml',
      text: `env:\n  global:\n    - secure: "${decoy(random.bytes(256).toString('base64'))}"\n`,
    }),
  ],
  [
    'kubernetes-reference',
    (random, decoy) => ({
      path: `k8s/${random.pick(services)}.yaml`,
      text: `env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: ${decoy(`${random.pick(services)}-db`)}\n        key: ${decoy('password')}\nimagePullSecrets:\n  - name: ${decoy(`${random.pick(companies)}-registry-pull`)}\nserviceAccountName: ${decoy(`${random.pick(services)}-token-reviewer`)}\n`,
    }),
  ],
  [
    'external-secret',
    (random, decoy) => ({
      path: `k8s/${random.pick(services)}-external.yaml`,
      text: `kind: ExternalSecret\nspec:\n  data:\n    - secretKey: ${decoy('api-token')}\n      remoteRef:\n        key: ${decoy(`prod/${random.pick(services)}/api-token`)}\n        property: ${decoy('token')}\n`,
    }),
  ],
  [
    'terraform-reference',
    (random, decoy) => ({
      path: `infra/${random.pick(services)}-db.tf`,
      text: `resource "aws_db_instance" "main" {\n  username = "app"\n  password = ${decoy('random_password.db.result')}\n}\n\nresource "aws_ssm_parameter" "token" {\n  name   = "${decoy(`/prod/${random.pick(services)}/api_token`)}"\n  value  = ${decoy('var.api_token')}\n  key_id = "${decoy(`alias/${random.pick(services)}-secrets`)}"\n}\n`,
    }),
  ],
]

export const sealedDecoys: readonly FileKind[] = decoyKinds(rows)
