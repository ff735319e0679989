import { describe, expect, test } from 'vitest';
import { parseTemplate } from './template.ts';

const container = {
  name: 'web',
  node: 'h1',
  exitCode: null,
  ports: ['8080:80/tcp', '53:53/udp'],
  networks: [
    { network: 'app', address: '10.42.0.3' },
    { network: 'db', address: '' },
  ],
  labels: { tier: 'front' },
};

describe('a template', () => {
  test.each([
    ['{{.name}} on {{.node}}', 'web on h1'],
    ['{{.Name}}{{.ExitCode}}', 'web'],
    ['{{json .ports}}', '["8080:80/tcp","53:53/udp"]'],
    ['{{join .ports ", "}}', '8080:80/tcp, 53:53/udp'],
    ['{{range .networks}}{{.network}}={{.address}};{{end}}', 'app=10.42.0.3;db=;'],
    ['{{range .networks}}{{if .address}}{{.network}}{{else}}-{{end}}{{end}}', 'app-'],
    ['{{with_}}', /"with_" is not a function: there are json, join/],
    ['{{if eq .node "h1" "h2"}}yes{{else}}no{{end}}', 'yes'],
    ['{{if and .name (not .exitCode)}}a{{end}}', 'a'],
    ['{{len .networks}} {{len .name}} {{(index .networks 1 "network")}}', '2 3 db'],
    ['{{.name | upper | json}}', '"WEB"'],
    ['{{index .labels "tier"}}{{.labels.tier}}', 'frontfront'],
    ['a  {{- .name -}}  b', 'awebb'],
    ['{{"}}"}}{{`x`}}', '}}x'],
    ['{{range .labels}}{{.}}{{end}}', 'front'],
    ['plain', 'plain'],
    ['{{.exitCode.signal}}', ''],
  ])('%s', (text, expected) => {
    if (typeof expected === 'string') expect(parseTemplate(text)(container)).toBe(expected);
    else expect(() => parseTemplate(text)).toThrow(expected);
  });

  test.each([
    ['{{.name', 'an opening {{ has no closing }}'],
    ['{{range .ports}}x', '{{range}} has no {{end}}'],
    ['{{if .name}}x{{else}}y', '{{if}} has no {{end}}'],
    ['{{end}}', '{{end}} is not within a range or an if'],
    ['{{}}', 'lacks something'],
    ['{{join}}', 'join needs to know of what'],
    ['{{.name "x"}}', 'too many'],
    ['{{eq .name (len .ports}}', 'closing parenthesis'],
    ['{{.name | .node}}', 'is not a function'],
    ['{{eq .a x}}', '"x" is not a value'],
    ['{{$x}}', 'is not understood'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseTemplate(text)).toThrow(why);
  });

  test('a field that is not there is named, with those that are', () => {
    expect(() => parseTemplate('{{.nme}}')(container)).toThrow('there is no field .nme: there are .name, .node');
    expect(() => parseTemplate('{{.ports.first}}')(container)).toThrow('a list has no field .first');
  });
});
