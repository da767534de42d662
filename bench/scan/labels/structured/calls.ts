import type { FileKind } from '../kind.ts'
import { fill } from '../template.ts'
import { base64Text, hostName, people, services } from '../words.ts'
import { jwt } from './jwt.ts'
import { anyPassword } from './keys.ts'
import { secretKinds, type Row } from './row.ts'

/** Commands, requests and statements that were given a credential. */
const rows: readonly Row[] = [
  [
    'unattend-xml',
    (random, secret) => ({
      path: 'unattend.xml',
      text: `<AutoLogon>\n  <Username>Administrator</Username>\n  <Password>\n    <Value>${secret(fill('{alnum:14}', random))}</Value>\n    <PlainText>true</PlainText>\n  </Password>\n</AutoLogon>\n`,
    }),
  ],
  [
    'otpauth-url',
    (random, secret) => ({
      path: 'notes/two-factor.txt',
      text: `otpauth://totp/Northwind:${random.pick(people)}?secret=${secret(fill('{base32:32}', random))}&issuer=Northwind\n`,
    }),
  ],
  [
    'jwt-bearer',
    (random, secret) => ({
      path: `scripts/${random.pick(services)}.sh`,
      text: `curl -sS https://api.northwind.io/v2/orders \\\n  -H "Authorization: Bearer ${secret(jwt(random))}"\n`,
    }),
  ],
  [
    'jwt-in-code',
    (random, secret) => ({
      path: `src/${random.pick(services)}/session.js`,
      text: `export const session = {\n  user: '${random.pick(people)}',\n  accessToken: '${secret(jwt(random))}',\n}\n`,
    }),
  ],
  [
    'basic-header',
    (random, secret) => ({
      path: `src/${random.pick(services)}/http.py`,
      text: `headers = {\n    "Accept": "application/json",\n    "Authorization": "Basic ${secret(base64Text(`${random.pick(people)}:${anyPassword(random)}`))}",\n}\n`,
    }),
  ],
  [
    'bearer-opaque',
    (random, secret) => ({
      path: `docs/${random.pick(services)}.http`,
      text: `GET https://api.northwind.io/v2/orders\nAccept: application/json\nAuthorization: Bearer ${secret(fill('{b64u:43}', random))}\n`,
    }),
  ],
  [
    'curl-user',
    (random, secret) => ({
      path: `scripts/${random.pick(services)}.sh`,
      text: `#!/bin/sh\ncurl -fsS -u ${random.pick(people)}:${secret(fill('{alnum:18}', random))} https://files.northwind.io/latest.tgz -o latest.tgz\n`,
    }),
  ],
  [
    'mysql-option',
    (random, secret) => ({
      path: 'scripts/dump.sh',
      text: `#!/bin/sh\nmysqldump -h ${hostName(random)} -u root -p${secret(fill('{alnum:16}', random))} shop > shop.sql\n`,
    }),
  ],
  [
    'sshpass',
    (random, secret) => ({
      path: 'scripts/sync.sh',
      text: `#!/bin/sh\nsshpass -p '${secret(fill('{alnum:14}', random))}' ssh deploy@${hostName(random)} systemctl restart app\n`,
    }),
  ],
  [
    'docker-login',
    (random, secret) => ({
      path: 'ci/push.sh',
      text: `#!/bin/sh\ndocker login registry.northwind.io -u ci -p ${secret(fill('{alnum:20}', random))}\ndocker push registry.northwind.io/app\n`,
    }),
  ],
  [
    'pgpassword-inline',
    (random, secret) => ({
      path: 'scripts/vacuum.sh',
      text: `#!/bin/sh\nPGPASSWORD=${secret(fill('{alnum:18}', random))} psql -h ${hostName(random)} -U app -c 'vacuum'\n`,
    }),
  ],
  [
    'redis-cli',
    (random, secret) => ({
      path: 'scripts/flush.sh',
      text: `redis-cli -h ${hostName(random)} -a ${secret(fill('{alnum:24}', random))} FLUSHDB\n`,
    }),
  ],
  [
    'openssl-pass',
    (random, secret) => ({
      path: 'scripts/sign.sh',
      text: `openssl pkcs12 -in release.p12 -passin pass:${secret(fill('{alnum:16}', random))} -nodes -out release.pem\n`,
    }),
  ],
  [
    'sql-create-user',
    (random, secret) => ({
      path: 'db/migrations/0004_users.sql',
      text: `CREATE DATABASE shop;\n${random.pick(["CREATE USER app IDENTIFIED BY '", "CREATE ROLE app LOGIN PASSWORD '", "ALTER USER app WITH ENCRYPTED PASSWORD '"])}${secret(fill('{alnum:18}', random))}';\nGRANT ALL ON shop.* TO app;\n`,
    }),
  ],
  [
    'requests-auth',
    (random, secret) => ({
      path: `${random.pick(services)}/pull.py`,
      text: `import requests\n\nanswer = requests.get("https://files.northwind.io/x", auth=("ci", "${secret(fill('{alnum:18}', random))}"), timeout=5)\n`,
    }),
  ],
  [
    'smtp-login',
    (random, secret) => ({
      path: `${random.pick(services)}/mail.py`,
      text: `server = smtplib.SMTP_SSL("smtp.northwind.io", 465)\nserver.login("noreply@northwind.io", "${secret(fill('{alnum:16}', random))}")\n`,
    }),
  ],
  [
    'jmeter-properties',
    (random, secret) => ({
      path: 'load/login.jmx',
      text: `<stringProp name="Argument.name">password</stringProp>\n<stringProp name="Argument.value">${secret(fill('{alnum:14}', random))}</stringProp>\n`,
    }),
  ],
  [
    'cookie-header',
    (random, secret) => ({
      path: 'docs/session.http',
      text: `GET https://admin.northwind.io/users\nCookie: session_id=${secret(fill('{b64u:64}', random))}\n`,
    }),
  ],
]

export const calls: readonly FileKind[] = secretKinds(rows)
