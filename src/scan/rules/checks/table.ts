import type { Check, CheckName } from '../../engine/index.ts'
import { checkAzureKey } from './azure.ts'
import { checkCratesPublishing, checkGithub, checkGitlabRoutable, checkGrafana, checkLuhn } from './crc.ts'
import { checkAwsAccount, checkBech32, checkNkey } from './encodings.ts'
import { checkJson, checkJwt } from './json.ts'
import { checkOpenssh, checkPem, checkPemInBase64 } from './keys.ts'
import { checkBasic, checkPassword } from './password.ts'
import { checkPemLines } from '../pem-lines.ts'
import { checkPypi } from './macaroon.ts'

/** Checks by the name by which rules ask for them. */
export const checks: Readonly<Record<CheckName, Check>> = {
  'aws-account': checkAwsAccount,
  'azure-key': checkAzureKey,
  basic: checkBasic,
  bech32: checkBech32,
  'crates-publishing': checkCratesPublishing,
  'github-crc32': checkGithub,
  'gitlab-routable': checkGitlabRoutable,
  'grafana-crc32': checkGrafana,
  json: checkJson,
  jwt: checkJwt,
  luhn: checkLuhn,
  nkey: checkNkey,
  'npm-crc32': checkGithub,
  openssh: checkOpenssh,
  password: checkPassword,
  pem: checkPem,
  'pem-in-base64': checkPemInBase64,
  'pem-lines': checkPemLines,
  'pypi-macaroon': checkPypi,
}
