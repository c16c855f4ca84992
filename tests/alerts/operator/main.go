// Converts AlertmanagerConfigs as the Prometheus operator does.
//
// Standard input: AlertmanagerConfigs and the Secrets they refer to, as YAML documents. Standard output: the config that
// the operator gives to Alertmanager, which first had a receiver `null` only.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/blang/semver/v4"
	"github.com/prometheus-operator/prometheus-operator/pkg/alertmanager"
	validation "github.com/prometheus-operator/prometheus-operator/pkg/alertmanager/validation/v1alpha1"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/prometheus-operator/prometheus-operator/pkg/assets"
	"github.com/prometheus-operator/prometheus-operator/pkg/operator"
	v1 "k8s.io/api/core/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	made, err := convert(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(made)
}

func convert(documents io.Reader) ([]byte, error) {
	configs, secrets, err := read(documents)
	if err != nil {
		return nil, err
	}
	version := semver.MustParse(operator.DefaultAlertmanagerVersion[1:])
	builder := alertmanager.NewConfigBuilder(
		slog.New(slog.NewTextHandler(os.Stderr, nil)), version, assets.NewTestStoreBuilder(secrets...), &monitoringv1.Alertmanager{},
	)
	if err := builder.InitializeFromRawConfiguration([]byte("{route: {receiver: 'null'}, receivers: [{name: 'null'}]}")); err != nil {
		return nil, err
	}
	if err := builder.AddAlertmanagerConfigs(context.Background(), configs); err != nil {
		return nil, err
	}
	return builder.MarshalJSON()
}

func read(documents io.Reader) (map[string]*monitoringv1alpha1.AlertmanagerConfig, []any, error) {
	configs := map[string]*monitoringv1alpha1.AlertmanagerConfig{}
	var secrets []any
	reader := utilyaml.NewYAMLReader(bufio.NewReader(documents))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return configs, secrets, nil
		}
		if err != nil {
			return nil, nil, err
		}
		var kind struct{ Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return nil, nil, err
		}
		switch kind.Kind {
		case "Secret":
			secret := &v1.Secret{}
			if err := yaml.UnmarshalStrict(document, secret); err != nil {
				return nil, nil, err
			}
			secrets = append(secrets, secret)
		case "AlertmanagerConfig":
			config := &monitoringv1alpha1.AlertmanagerConfig{}
			if err := yaml.UnmarshalStrict(document, config); err != nil {
				return nil, nil, err
			}
			if err := validation.ValidateAlertmanagerConfig(config); err != nil {
				return nil, nil, err
			}
			configs[config.Namespace+"/"+config.Name] = config
		default:
			return nil, nil, fmt.Errorf("unknown kind %q", kind.Kind)
		}
	}
}
