// Counts an nginx log in the combined format with the libraries of prometheus-nginxlog-exporter, prints the exposition
// and ends: gonx parses each line, client_golang counts requests and bytes by method and status. With -tail, lines come
// from nxadm/tail, as they do there; without, from a plain scanner, which costs less.
//
// Either way it does less than that exporter, which passes each line on through a second channel, splits the whole
// request, knows a list of methods, and follows the log. Families and labels have the exporter's names.
package main

import (
	"bufio"
	"flag"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/nxadm/tail"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/satyrius/gonx"
)

const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

var labels = []string{"method", "status"}

type counters struct{ requests, bytes *prometheus.CounterVec }

func main() {
	log.SetFlags(0)
	tailed := flag.Bool("tail", false, "read lines with nxadm/tail")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: gonx [-tail] LOG")
	}
	read := scan
	if *tailed {
		read = follow
	}
	registry := prometheus.NewRegistry()
	counted := counters{counter(registry, "http_response_count_total"), counter(registry, "http_response_size_bytes")}
	parser, values := gonx.NewParser(combined), make([]string, len(labels))
	err := read(flag.Arg(0), func(line string) error { return counted.count(parser, values, line) })
	if err == nil {
		err = render(registry)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func counter(registry *prometheus.Registry, name string) *prometheus.CounterVec {
	opts := prometheus.CounterOpts{Namespace: "nginx", Name: name, Help: name}
	made := prometheus.NewCounterVec(opts, labels)
	registry.MustRegister(made)
	return made
}

// count adds one line, whose label values it writes to values. A line that is not in the format is an error.
func (counted counters) count(parser *gonx.Parser, values []string, line string) error {
	entry, err := parser.ParseString(line)
	if err != nil {
		return err
	}
	fields := entry.Fields()
	values[0], _, _ = strings.Cut(fields["request"], " ")
	values[1] = fields["status"]
	bytes, err := strconv.ParseFloat(fields["body_bytes_sent"], 64)
	if err != nil {
		return err
	}
	counted.requests.WithLabelValues(values...).Inc()
	counted.bytes.WithLabelValues(values...).Add(bytes)
	return nil
}

func scan(path string, count func(string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if err := count(lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func follow(path string, count func(string) error) error {
	tailed, err := tail.TailFile(path, tail.Config{MustExist: true, Logger: tail.DiscardingLogger})
	if err != nil {
		return err
	}
	for line := range tailed.Lines {
		if err := count(line.Text); err != nil {
			return err
		}
	}
	return tailed.Wait()
}

func render(registry *prometheus.Registry) error {
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(out, family); err != nil {
			return err
		}
	}
	return out.Flush()
}
