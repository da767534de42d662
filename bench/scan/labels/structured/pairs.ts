import type { FileKind, Written } from '../kind.ts'
import { mark } from '../mark.ts'
import type { Random } from '../random.ts'
import { fill } from '../template.ts'
import { camel, people, services } from '../words.ts'

interface Pair {
  readonly name: string
  readonly id: readonly [called: string, form: string]
  readonly secret: readonly [called: string, form: string]
}

/** Key pairs: found if either half is, since whoever is sent to the line sees the other. */
const rows: readonly Pair[] = [
  {
    name: 'aws-key-pair',
    id: ['AWS_ACCESS_KEY_ID', 'AKIA{base32:16}'],
    secret: ['AWS_SECRET_ACCESS_KEY', '{b64:40}'],
  },
  {
    name: 'aws-temporary',
    id: ['AWS_ACCESS_KEY_ID', 'ASIA{base32:16}'],
    secret: ['AWS_SECRET_ACCESS_KEY', '{b64:40}'],
  },
  {
    name: 'alibaba-key-pair',
    id: ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'LTAI5t{alnum:18}'],
    secret: ['ALIBABA_CLOUD_ACCESS_KEY_SECRET', '{alnum:30}'],
  },
  {
    name: 'tencent-key-pair',
    id: ['TENCENTCLOUD_SECRET_ID', 'AKID{alnum:32}'],
    secret: ['TENCENTCLOUD_SECRET_KEY', '{alnum:32}'],
  },
  {
    name: 'scaleway-key-pair',
    id: ['SCW_ACCESS_KEY', 'SCW{updig:17}'],
    secret: ['SCW_SECRET_KEY', '{uuid}'],
  },
  {
    name: 'yandex-static-key',
    id: ['YC_ACCESS_KEY_ID', 'YCAJE{b64u:20}'],
    secret: ['YC_SECRET_ACCESS_KEY', 'YCM{b64u:37}'],
  },
  {
    name: 'digitalocean-spaces',
    id: ['SPACES_ACCESS_KEY_ID', 'DO00{updig:16}'],
    secret: ['SPACES_SECRET_ACCESS_KEY', '{b64u:43}'],
  },
  { name: 'gcs-hmac', id: ['GCS_ACCESS_KEY', 'GOOG1E{updig:55}'], secret: ['GCS_SECRET_KEY', '{b64:40}'] },
  { name: 'trello-pair', id: ['TRELLO_API_KEY', '{hex:32}'], secret: ['TRELLO_API_SECRET', '{hex:64}'] },
  { name: 'minio-root', id: ['MINIO_ROOT_USER', '{lower:8}'], secret: ['MINIO_ROOT_PASSWORD', '{alnum:28}'] },
]

export const pairs: readonly FileKind[] = [
  ...rows.map((row) => ({
    name: row.name,
    file: (random: Random, kind: string) => pairFile(row, random, kind),
  })),
  { name: 'aws-secret-alone', file: awsSecret },
  { name: 'aws-credentials-file', file: awsFile },
]

function pairFile({ id, secret }: Pair, random: Random, kind: string): Written {
  const first = mark('id', kind, fill(id[1], random))
  const second = mark('secret', kind, fill(secret[1], random))
  const service = random.pick(services)
  const [a, b] = [id[0], secret[0]]
  const texts: Written[] = [
    { path: `${service}.env`, text: `REGION=eu-west-1\n${a}=${first}\n${b}=${second}\nLOG_LEVEL=info\n` },
    {
      path: `scripts/${service}.sh`,
      text: `#!/bin/sh\nexport ${a}="${first}"\nexport ${b}="${second}"\n./deploy.sh\n`,
    },
    {
      path: `config/${service}.json`,
      text: `{\n  "region": "eu-west-1",\n  "${camel(a)}": "${first}",\n  "${camel(b)}": "${second}"\n}\n`,
    },
    {
      path: `${service}/store.py`,
      text: `client = connect(\n    region="eu-west-1",\n    ${a.toLowerCase()}="${first}",\n    ${b.toLowerCase()}="${second}",\n)\n`,
    },
    {
      path: `infra/${service}.tf`,
      text: `provider "main" {\n  region     = "eu-west-1"\n  access_key = "${first}"\n  secret_key = "${second}"\n}\n`,
    },
    {
      path: `.github/workflows/${service}.yml`,
      text: `jobs:\n  push:\n    runs-on: ubuntu-24.04\n    env:\n      ${a}: ${first}\n      ${b}: ${second}\n`,
    },
  ]
  return random.pick(texts)
}

function awsSecret(random: Random, kind: string): Written {
  const value = mark('secret', kind, fill('{b64:40}', random))
  return random.pick([
    {
      path: `ci/${random.pick(services)}.yml`,
      text: `variables:\n  AWS_DEFAULT_REGION: eu-west-1\n  AWS_SECRET_ACCESS_KEY: "${value}"\n`,
    },
    {
      path: `src/${random.pick(services)}/s3.java`,
      text: `class S3 {\n    static final String AWS_SECRET_KEY = "${value}";\n}\n`,
    },
    { path: `terraform.tfvars`, text: `aws_region = "eu-west-1"\naws_secret_access_key = "${value}"\n` },
  ])
}

function awsFile(random: Random, kind: string): Written {
  const id = mark('id', kind, fill('AKIA{base32:16}', random))
  const value = mark('secret', kind, fill('{b64:40}', random))
  return {
    path: `home/${random.pick(people)}/.aws/credentials`,
    text: `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${value}\nregion = eu-west-1\n`,
  }
}
