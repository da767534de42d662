import type { FileKind, Written } from '../kind.ts'
import { mark } from '../mark.ts'
import type { Random } from '../random.ts'
import { fill } from '../template.ts'
import { base64Text, companies, hostName, jsonText, people, services } from '../words.ts'
import { jwt } from './jwt.ts'
import { anyPassword, certificate } from './keys.ts'
import { ed25519Key, rsaKey } from './private-keys.ts'
import { secretKinds, type Row } from './row.ts'

/** Files of tools that hold a credential at a place of their own. */
const rows: readonly Row[] = [
  ['gcp-service-account', serviceAccount],
  ['kubeconfig-key', kubeconfigKey],
  [
    'kubeconfig-token',
    (random, secret) => ({
      path: '.kube/config',
      text: `apiVersion: v1\nkind: Config\nusers:\n- name: ci\n  user:\n    token: ${secret(jwt(random))}\n`,
    }),
  ],
  [
    'docker-config-auth',
    (random, secret) => ({
      path: '.docker/config.json',
      text: `{\n  "auths": {\n    "registry.${random.pick(companies)}.io": {\n      "auth": "${secret(base64Text(`ci:${anyPassword(random)}`))}"\n    }\n  }\n}\n`,
    }),
  ],
  [
    'netrc',
    (random, secret) => ({
      path: '.netrc',
      text: `machine ${hostName(random)}\nlogin ${random.pick(people)}\npassword ${secret(fill('{alnum:20}', random))}\n`,
    }),
  ],
  [
    'npmrc-auth',
    (random, secret) => ({
      path: '.npmrc',
      text: `registry=https://npm.northwind.io/\n//npm.northwind.io/:_auth=${secret(base64Text(`ci:${fill('{alnum:20}', random)}`))}\nalways-auth=true\n`,
    }),
  ],
  [
    'npmrc-legacy-token',
    (random, secret) => ({
      path: '.npmrc',
      text: `//npm.northwind.io/:_authToken=${secret(random.uuid())}\n`,
    }),
  ],
  [
    'pgpass',
    (random, secret) => ({
      path: '.pgpass',
      text: `${hostName(random)}:5432:*:${random.pick(services)}:${secret(fill('{alnum:22}', random))}\n`,
    }),
  ],
  [
    'pypirc',
    (random, secret) => ({
      path: '.pypirc',
      text: `[distutils]\nindex-servers = inner\n\n[inner]\nrepository = https://pypi.northwind.io\nusername = ci\npassword = ${secret(anyPassword(random))}\n`,
    }),
  ],
  [
    'maven-settings',
    (random, secret) => ({
      path: '.m2/settings.xml',
      text: `<settings>\n  <servers>\n    <server>\n      <id>releases</id>\n      <username>ci</username>\n      <password>${secret(fill('{alnum:22}', random))}</password>\n    </server>\n  </servers>\n</settings>\n`,
    }),
  ],
  [
    'nuget-config',
    (random, secret) => ({
      path: 'nuget.config',
      text: `<configuration>\n  <packageSourceCredentials>\n    <inner>\n      <add key="Username" value="ci" />\n      <add key="ClearTextPassword" value="${secret(fill('{alnum:24}', random))}" />\n    </inner>\n  </packageSourceCredentials>\n</configuration>\n`,
    }),
  ],
  [
    'gradle-signing',
    (random, secret) => ({
      path: 'gradle.properties',
      text: `org.gradle.jvmargs=-Xmx2g\nsigning.keyId=24875D73\nsigning.password=${secret(anyPassword(random))}\n`,
    }),
  ],
  [
    'android-keystore',
    (random, secret) => ({
      path: 'app/build.gradle',
      text: `android {\n  signingConfigs {\n    release {\n      storeFile file("release.jks")\n      storePassword "${secret(fill('{alnum:14}', random))}"\n      keyAlias "upload"\n    }\n  }\n}\n`,
    }),
  ],
  [
    'git-credentials',
    (random, secret) => ({
      path: '.git-credentials',
      text: `https://${random.pick(people)}:${secret(fill('{alnum:24}', random))}@git.${random.pick(companies)}.io\n`,
    }),
  ],
  [
    'composer-auth',
    (random, secret) => ({
      path: 'auth.json',
      text: `{\n  "http-basic": {\n    "repo.northwind.io": {\n      "username": "ci",\n      "password": "${secret(fill('{alnum:24}', random))}"\n    }\n  }\n}\n`,
    }),
  ],
  [
    'terraform-state',
    (random, secret) => ({
      path: 'terraform.tfstate',
      text: `{\n  "version": 4,\n  "resources": [{"type": "aws_db_instance", "instances": [{"attributes": {"username": "root", "password": "${secret(jsonText(anyPassword(random)))}"}}]}]\n}\n`,
    }),
  ],
  [
    'wifi-psk',
    (random, secret) => ({
      path: 'etc/wpa_supplicant.conf',
      text: `network={\n  ssid="office-${random.pick(companies)}"\n  psk="${secret(fill('{alnum:16}', random))}"\n}\n`,
    }),
  ],
  [
    'django-secret-key',
    (random, secret) => ({
      path: `${random.pick(services)}/settings.py`,
      text: `DEBUG = False\n\nSECRET_KEY = '${secret(`django-insecure-${random.text('abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)', 50)}`)}'\n\nALLOWED_HOSTS = ['*']\n`,
    }),
  ],
  [
    'rails-secret-key-base',
    (random, secret) => ({
      path: 'config/secrets.yml',
      text: `production:\n  secret_key_base: ${secret(random.hex(128))}\n`,
    }),
  ],
  [
    'rails-master-key',
    (random, secret) => ({ path: 'config/master.key', text: `${secret(random.hex(32))}\n` }),
  ],
  [
    'laravel-app-key',
    (random, secret) => ({
      path: '.env.production',
      text: `APP_NAME=Shop\nAPP_KEY=base64:${secret(random.bytes(32).toString('base64'))}\nAPP_DEBUG=false\n`,
    }),
  ],
  [
    'wordpress-salt',
    (random, secret) => ({
      path: 'wp-config.php',
      text: `<?php\ndefine('DB_NAME', 'wp');\ndefine('AUTH_KEY', '${secret(random.text('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#%^&*()-_ []{}<>~`+=,.;:/?|', 64))}');\n`,
    }),
  ],
  [
    'vapid-private',
    (random, secret) => ({
      path: 'push.env',
      text: `VAPID_SUBJECT=mailto:ops@northwind.io\nVAPID_PRIVATE_KEY=${secret(random.bytes(32).toString('base64url'))}\n`,
    }),
  ],
  [
    'apple-auth-key',
    (random, secret) => ({
      path: 'fastlane/AuthKey_8ZK4TR2PQ7.p8',
      text: `${secret(ed25519Key(random).export({ type: 'pkcs8', format: 'pem' }).trimEnd())}\n`,
    }),
  ],
]

export const files: readonly FileKind[] = secretKinds(rows)

function serviceAccount(random: Random, secret: (value: string) => string): Written {
  const project = `${random.pick(companies)}-${random.pick(services)}`
  const key = jsonText(rsaKey(random).export({ type: 'pkcs8', format: 'pem' }))
  const text = `{\n  "type": "service_account",\n  "project_id": "${project}",\n  "private_key_id": "${random.hex(40)}",\n  "private_key": "${secret(key)}",\n  "client_email": "ci@${project}.iam.gserviceaccount.com",\n  "client_id": "${fill('1{digit:20}', random)}",\n  "token_uri": "https://oauth2.googleapis.com/token"\n}\n`
  return { path: `keys/${project}.json`, text }
}

function kubeconfigKey(random: Random, secret: (value: string) => string): Written {
  const key = rsaKey(random).export({ type: 'pkcs1', format: 'pem' })
  const text = `apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://${hostName(random)}:6443\n    certificate-authority-data: ${mark('decoy', 'certificate-base64', base64Text(certificate(random)))}\nusers:\n- name: admin\n  user:\n    client-certificate-data: ${mark('decoy', 'certificate-base64', base64Text(certificate(random)))}\n    client-key-data: ${secret(base64Text(key))}\n`
  return { path: '.kube/config', text }
}
